import assert from "node:assert/strict";
import { denied } from "@lib/errors/mod.ts";
import { createLogger, silentLogger } from "@lib/log/mod.ts";
import { AdminService, RecordService } from "@proto/mcns/v1/mcns_pb.ts";
import type { Call } from "./call.ts";
import { localClient } from "./local_client.ts";
import type { Observation } from "./observation.ts";
import { type Handlers, implement } from "./operation.ts";

const call = (roles: string[]): Call => ({
  caller: { subject: "1", username: "ada", accountType: "human", roles, tokenId: "t" },
  remote: "127.0.0.1",
  requestId: "request-1",
  transport: "web",
  signal: new AbortController().signal,
});

const never = () => {
  throw new Error("the password is 1234");
};
const handlers: Handlers<typeof AdminService> = {
  getStats: () => ({ zones: 3 }),
  listCache: never,
  explain: ({ name }) => {
    throw denied("rule-1", `Cannot explain ${name}`);
  },
  listAuditEvents: never,
  flushCache: ({ name }) => ({ removed: name === "" ? 2n : 1n }),
  async *watchQueries({ name }) {
    await Promise.resolve();
    yield { name };
    yield { name, rcode: "NOERROR" };
  },
};
const operations = implement(AdminService, handlers);

Deno.test("localClient calls the operations with the contract's access check", async () => {
  const guest = localClient(AdminService, operations, call(["guest"]), { log: silentLogger });
  assert.equal((await guest.getStats({})).zones, 3);
  await assert.rejects(guest.flushCache({}), { code: "denied", rule: "access:admin" });
  await assert.rejects(guest.watchQueries({}).next(), { code: "denied", rule: "access:admin" });
  const admin = localClient(AdminService, operations, call(["admin"]), { log: silentLogger });
  assert.equal((await admin.flushCache({ name: "x" })).removed, 1n);
  const seen = await Array.fromAsync(admin.watchQueries({ name: "x.org" }));
  assert.deepEqual(seen.map(({ name, rcode }) => `${name} ${rcode}`), ["x.org ", "x.org NOERROR"]);
});

Deno.test("localClient hands on platform errors, logs defects and hides them, and tells the observer once", async () => {
  const lines: string[] = [];
  const told: Observation[] = [];
  const log = createLogger({ service: "test", level: "info", format: "json", write: (line) => void lines.push(line) });
  const client = localClient(AdminService, operations, call(["admin"]), { log, observe: (one) => told.push(one) });
  await assert.rejects(client.explain({ name: "x" }), { code: "denied", rule: "rule-1", message: "Cannot explain x" });
  assert.deepEqual(lines, []);
  await assert.rejects(client.listCache({}), { code: "internal", message: /^Internal error/ });
  assert.match(lines.join(), /the password is 1234/);
  for await (const _ of client.watchQueries({})) break;
  assert.deepEqual(told.map(({ code, transport }) => `${transport} ${code}`), ["web denied", "web internal", "web ok"]);
});

Deno.test("localClient names the RPC whose operation this process lacks", async () => {
  const client = localClient(RecordService, operations, call(["admin"]), { log: silentLogger });
  assert.throws(() => client.listRecords({ zone: "x" }), /mcns\.v1\.RecordService\.ListRecords is not among/);
  await Promise.resolve();
});
