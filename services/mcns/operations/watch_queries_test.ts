import assert from "node:assert/strict";
import { QueryLog } from "../dns/query_log.ts";
import { DomainName } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { parseQueryFilter, watchQueries } from "./watch_queries.ts";

const keyOf = (name: string) => DomainName.parse(name, "name").key;

/** A log that writes nothing; `answered` tells it of a query. */
function logUnderTest() {
  const log = new QueryLog({ sample: 0, now: () => 7, write: () => {} });
  const answered = (name: string, address: string) =>
    log.seen({ address, port: 5353, transport: "udp" }, keyOf(name), types.A, 0, 60, 12);
  return { log, answered };
}

Deno.test("watchQueries yields the queries that the filter lets through, from its call on", async () => {
  for (
    const [filter, want] of [
      [{ name: "", client: "" }, ["www.example.org", "example.net", "a.www.example.org"]],
      [{ name: "www.example.org", client: "" }, ["www.example.org", "a.www.example.org"]],
      [{ name: "", client: "192.0.2.0/25" }, ["www.example.org"]],
      [{ name: "example.org", client: "2001:db8::1" }, ["a.www.example.org"]],
    ] as const
  ) {
    const { log, answered } = logUnderTest();
    const stop = new AbortController();
    const watching = watchQueries(log, parseQueryFilter(filter), stop.signal);
    const first = watching.next();
    answered("www.example.org", "192.0.2.1");
    answered("example.net", "192.0.2.129");
    answered("a.www.example.org", "2001:db8::1");
    const keys = [(await first).value!.key];
    while (keys.length < want.length) keys.push((await watching.next()).value!.key);
    assert.deepEqual(keys, want.map(keyOf), JSON.stringify(filter));
    const last = watching.next();
    stop.abort();
    assert.equal((await last).done, true);
    assert.equal(log.wants(), false, "nobody looks on any more");
  }
});

Deno.test("watchQueries keeps the newest queries for one that is slow, and serves several", async () => {
  const { log, answered } = logUnderTest();
  const { signal } = new AbortController();
  const all = parseQueryFilter({ name: "", client: "" });
  const slow = watchQueries(log, all, signal), other = watchQueries(log, all, signal);
  const first = slow.next(), otherFirst = other.next();
  for (let i = 0; i <= 1000; i++) answered(`n${i}.example`, "192.0.2.1");
  assert.equal((await first).value!.key, keyOf("n1.example"), "n0 was let go");
  assert.equal((await otherFirst).value!.key, keyOf("n1.example"));
  await slow.return();
  assert.equal(log.wants(), true);
  await other.return();
  assert.equal(log.wants(), false);
});

Deno.test("parseQueryFilter refuses what is no network", () => {
  for (const client of ["x", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/", "::/129"]) {
    assert.throws(() => parseQueryFilter({ name: "", client }), { code: "invalid", field: "client" }, client);
  }
});
