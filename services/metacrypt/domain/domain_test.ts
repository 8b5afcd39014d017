import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { type CertificateAction, companionRule, decideNames, type NameDecision } from "./certificate_name.ts";
import { checkRequest } from "./certificate_request.ts";
import { parseMountName } from "./mount_name.ts";
import { parseRevocationReason } from "./revocation_reason.ts";
import { checkNewPassword } from "./seal_state.ts";
import { UnsealAttempts } from "./unseal_attempts.ts";
import { validityWithin } from "./validity.ts";

Deno.test("decideNames wants every name allowed, and one of them on its own account", () => {
  const table: Record<string, [allowed: boolean, rule: string]> = {
    "issue own.svc": [true, "zone"],
    "issue two.svc": [true, "zone"],
    "issue public": [true, "public"],
    "accompany localhost": [true, "beside"],
    "issue banned.svc": [false, "ban"],
    "accompany banned.svc": [true, "beside"],
    "accompany shut": [false, "shut"],
  };
  const ask = (action: CertificateAction, name: string): NameDecision => {
    const [allowed, ruleId] = table[`${action} ${name}`] ?? [false, ""];
    return { allowed, ruleId, reason: `${action} ${name}` };
  };
  const rows: [names: string[], allowed: boolean, rule: string][] = [
    [["own.svc"], true, "zone"],
    [["own.svc", "two.svc"], true, "zone"],
    [["localhost", "own.svc", "public"], true, "beside,zone,public"],
    [["localhost"], false, companionRule],
    [["own.svc", "other"], false, ""],
    [["other", "own.svc"], false, ""],
    // A rule that denies is not overruled by one that lets the name accompany.
    [["own.svc", "banned.svc"], false, "ban"],
    [["own.svc", "shut"], false, "shut"],
    [[], false, companionRule],
  ];
  for (const [names, allowed, rule] of rows) {
    const decision = decideNames(names, "issue", ask);
    assert.deepEqual([decision.allowed, decision.ruleId], [allowed, rule], names.join(" "));
  }
});

Deno.test("checkRequest refuses what proves nothing, names nothing or hides a name", () => {
  const good = { names: ["a.test"], commonName: "a.test", verified: true };
  checkRequest(good);
  checkRequest({ ...good, commonName: "" });
  assert.throws(() => checkRequest({ ...good, verified: false }), /does not prove possession/);
  assert.throws(() => checkRequest({ ...good, names: [], commonName: "" }), /has no subjectAltName/);
  assert.throws(() => checkRequest({ ...good, commonName: "b.test" }), /"b\.test" is not among its subjectAltNames/);
});

Deno.test("validityWithin: a minute back, cut to the issuer, bounded by the setting", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0, 700);
  const bounds = { now, ttlSeconds: 0, maxTtlSeconds: 7200, issuerNotBefore: 0, issuerNotAfter: now + 86_400_000 };
  const of = (change: Partial<typeof bounds>) => {
    const { notBefore, notAfter } = validityWithin({ ...bounds, ...change });
    return `${notBefore.toISOString()} ${notAfter.toISOString()}`;
  };
  assert.equal(of({}), "2026-01-01T11:59:00.000Z 2026-01-01T14:00:00.000Z");
  assert.equal(of({ ttlSeconds: 60 }), "2026-01-01T11:59:00.000Z 2026-01-01T12:01:00.000Z");
  assert.equal(of({ issuerNotAfter: now + 600_000 }), "2026-01-01T11:59:00.000Z 2026-01-01T12:10:00.000Z");
  assert.equal(of({ issuerNotBefore: now - 1000 }), "2026-01-01T11:59:59.000Z 2026-01-01T14:00:00.000Z");
  assert.throws(() => of({ ttlSeconds: 59 }), /60 to 7200 seconds: 59/);
  assert.throws(() => of({ ttlSeconds: 7201 }), /60 to 7200 seconds: 7201/);
  assert.throws(() => of({ ttlSeconds: Number(2n ** 64n - 1n) }), /60 to 7200 seconds/);
  assert.throws(
    () => of({ issuerNotAfter: now + 59_000 }),
    /issuer's own certificate is valid until 2026-01-01T12:00:59/,
  );
  assert.throws(() => of({ issuerNotAfter: now - 1 }), /issuer's own certificate/);
});

Deno.test("mount names, revocation reasons and passwords follow their rules", () => {
  for (const name of ["pki", "a", "pki-2", "a".repeat(32)]) assert.equal(parseMountName(name), name);
  for (const name of ["", "Pki", "2pki", "-a", "a/b", "a".repeat(33), "a\0"]) {
    assert.throws(() => parseMountName(name), /a mount's name/);
  }
  assert.equal(parseRevocationReason(""), "unspecified");
  assert.equal(parseRevocationReason("keyCompromise"), "keyCompromise");
  for (const reason of ["certificateHold", "removeFromCRL", "keycompromise", "x"]) {
    assert.throws(() => parseRevocationReason(reason), /must be one of unspecified, keyCompromise/);
  }
  checkNewPassword("twelve chars");
  assert.throws(() => checkNewPassword("eleven char"), /12 to 1024 characters: 11/);
  assert.throws(() => checkNewPassword("x".repeat(1025)), /12 to 1024 characters: 1025/);
});

Deno.test("UnsealAttempts: five at once per source, one back each 30 s, twenty from everywhere", () => {
  const clock = new FakeClock();
  const attempts = new UnsealAttempts(clock);
  const take = (source: string) => {
    try {
      attempts.take(source);
      return 0;
    } catch (error) {
      return (error as { retryAfterSeconds: number }).retryAfterSeconds;
    }
  };
  assert.deepEqual(Array.from({ length: 6 }, () => take("a")), [0, 0, 0, 0, 0, 30]);
  clock.advance(10_000);
  assert.equal(take("a"), 20);
  clock.advance(20_000);
  assert.equal(take("a"), 0);
  assert.equal(take("a"), 30);
  assert.deepEqual(Array.from({ length: 20 }, (_, i) => take(`b${i}`)).filter((wait) => wait > 0).length, 1);
  clock.advance(3_600_000);
  assert.equal(take("b0"), 0);
  for (let i = 0; i < 3000; i++) take(`c${i}`);
});
