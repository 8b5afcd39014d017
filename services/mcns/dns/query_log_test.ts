import assert from "node:assert/strict";
import { DomainName } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { type AnsweredQuery, queryFields, QueryLog } from "./query_log.ts";

const client = { address: "192.0.2.1", port: 5353, transport: "udp" } as const;
const { key } = DomainName.parse("www.example.org", "name");

/** Answers `count` queries as Answers does; which ones were told, by their number. */
function answer(log: QueryLog, count: number): number {
  let told = 0;
  for (let i = 0; i < count; i++) {
    if (!log.wants()) continue;
    log.seen(client, key, types.A, 0, 60, 12);
    told++;
  }
  return told;
}

Deno.test("QueryLog writes one of so many, and is told of no others while nobody looks on", () => {
  for (const [sample, want] of [[0, 0], [1, 10], [3, 4], [100, 1]] as const) {
    const written: AnsweredQuery[] = [];
    const log = new QueryLog({ sample, now: () => 7, write: (query) => written.push(query) });
    assert.deepEqual([answer(log, 10), written.length], [want, want], `sample ${sample}`);
  }
});

Deno.test("QueryLog tells those who look on of every query, and goes on writing some only", () => {
  const written: AnsweredQuery[] = [], watched: AnsweredQuery[] = [];
  const log = new QueryLog({ sample: 5, now: () => 7, write: (query) => written.push(query) });
  const stop = log.watch((query) => watched.push(query));
  answer(log, 10);
  assert.deepEqual([written.length, watched.length], [2, 10]);
  stop();
  answer(log, 10);
  assert.deepEqual([written.length, watched.length], [4, 10]);
  assert.deepEqual(queryFields(watched[0]!), {
    client: "192.0.2.1",
    transport: "udp",
    name: "www.example.org",
    type: "A",
    rcode: "NOERROR",
    octets: 60,
    microseconds: 12,
  });
  assert.equal(queryFields({ ...watched[0]!, rcode: -1 }).rcode, "");
});

Deno.test("QueryLog writes nothing without samples, not even what the last one to look on had asked for", () => {
  const written: AnsweredQuery[] = [];
  const log = new QueryLog({ sample: 0, now: () => 7, write: (query) => written.push(query) });
  const stop = log.watch(() => {});
  assert.equal(log.wants(), true);
  stop(); // while an upstream is waited for
  log.seen(client, key, types.A, 0, 60, 12);
  assert.deepEqual(written, []);
});
