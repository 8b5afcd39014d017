import assert from "node:assert/strict";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import { create } from "@bufbuild/protobuf";
import { AuditEventSchema } from "@proto/metacircular/v1/audit_pb.ts";
import { AuditLog, auditMigration, type AuditPage } from "./audit_log.ts";

function withLog(work: (audit: AuditLog, db: Database, clock: FakeClock) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    const clock = new FakeClock();
    using db = openDatabase({ path: `${folder}/a.db`, migrations: [auditMigration], durability: "normal", clock });
    work(new AuditLog(db), db, clock);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const shown = (page: AuditPage) =>
  page.events.map((init) => {
    const event = create(AuditEventSchema, init);
    return `${event.id} ${event.actor} ${event.action} ${event.target} ${event.outcome}`;
  });

Deno.test("AuditLog lists newest first, by page, filtered by actor and action", () => {
  withLog((audit, db) => {
    db.write((at) => {
      audit.record(at, { actor: "ann", action: "login", target: "mcr" });
      audit.record(at, { actor: "bob", action: "login", outcome: "unauthenticated" });
      audit.record(at, { actor: "ann", action: "push", target: "infra/mcq" });
      audit.record(at, { action: "boot" });
    });
    const all = audit.list({ page: { limit: 3, after: null } });
    assert.deepEqual(shown(all), ["4  boot  ok", "3 ann push infra/mcq ok", "2 bob login  unauthenticated"]);
    assert.equal(all.lastKey, "2");
    const rest = audit.list({ page: { limit: 3, after: all.lastKey } });
    assert.deepEqual(shown(rest), ["1 ann login mcr ok"]);
    assert.equal(rest.lastKey, null);
    const page = { limit: 10, after: null };
    assert.deepEqual(shown(audit.list({ actor: "ann", page })), ["3 ann push infra/mcq ok", "1 ann login mcr ok"]);
    assert.equal(audit.list({ action: "login", page }).events.length, 2);
    assert.deepEqual(shown(audit.list({ actor: "ann", action: "login", page })), ["1 ann login mcr ok"]);
    assert.deepEqual(audit.list({ page: { limit: 3, after: "x" } }), { events: [], lastKey: null });
  });
});

Deno.test("AuditLog.record keeps the transaction's time, cuts long texts and line breaks", () => {
  withLog((audit, db, clock) => {
    clock.set(Date.UTC(2026, 4, 1));
    db.write((at) => audit.record(at, { actor: "a\nb\u0000c", action: "x", detail: "d".repeat(600) }));
    const [event] = audit.list({ page: { limit: 1, after: null } }).events.map((e) => create(AuditEventSchema, e));
    assert.ok(event?.at);
    assert.equal(timestampMs(event.at), Date.UTC(2026, 4, 1));
    assert.equal(event.actor, "a b c");
    assert.equal(event.detail.length, 512);
  });
});

Deno.test("AuditLog rows can be neither changed nor removed", () => {
  withLog((audit, db) => {
    db.write((at) => audit.record(at, { action: "x" }));
    const update = db.prepare("UPDATE audit_events SET actor = 'y'");
    const remove = db.prepare("DELETE FROM audit_events");
    assert.throws(() => db.write(() => update.run()), /append-only/);
    assert.throws(() => db.write(() => remove.run()), /append-only/);
  });
});

Deno.test("AuditLog rows vanish with the change that failed", () => {
  withLog((audit, db) => {
    assert.throws(() =>
      db.write((at) => {
        audit.record(at, { action: "x" });
        throw new Error("no");
      }), /no/);
    assert.deepEqual(audit.list({ page: { limit: 1, after: null } }).events, []);
  });
});
