/**
 * A thousand HTTP/1.1 requests, sound and odd, through MC-Proxy, nginx and HAProxy: what each answers and what its
 * backend sees. Every difference has a name and a rule, and nothing that MC-Proxy lets through can be read in two ways.
 */
import assert from "node:assert/strict";
import { seeded } from "@lib/testing/mod.ts";
import { type H1Case, h1Cases, oddShapes, soundShapes } from "./h1_cases.ts";
import { differenceClasses, type Peer, type Verdict } from "./h1_classes.ts";
import { type Lane, type Outcome, type Reader, readers, startLanes } from "./h1_lanes.ts";
import { ambiguity } from "./h1_recorder.ts";
import { withTools } from "./tools.ts";

const count = 1000;
const peers: readonly Peer[] = ["nginx", "haproxy"];

type Outcomes = Record<Reader, Outcome>;

async function runAll(lanes: readonly Lane[], cases: readonly H1Case[]): Promise<Outcomes[]> {
  const outcomes = cases.map(() => ({}) as Outcomes);
  await Promise.all(readers.map(async (reader) => {
    let next = 0;
    await Promise.all(
      lanes.filter((lane) => lane.reader === reader).map(async (lane) => {
        while (next < cases.length) {
          const index = next++;
          outcomes[index]![reader] = await lane.send(cases[index]!.text);
        }
      }),
    );
  }));
  return outcomes;
}

/** Status classes, and the bodies that the backend saw; whatever is equal here was understood alike. */
function comparable({ statuses, seen }: Outcome): string {
  return JSON.stringify([statuses.map(statusClass), seen.requests.map(({ body }) => body)]);
}

function statusClass(status: number): string {
  return `${Math.floor(status / 100)}xx`;
}

function verdictOf({ statuses, seen }: Outcome): Verdict {
  const served = statuses.filter((status) => status < 300).length;
  const others = statuses.slice(served).map((status) => `refused ${statusClass(status)}`);
  const parts = [...(served > 0 ? [`served ${served}`] : []), ...others];
  if (parts.length === 0) parts.push("silent");
  // A request that the backend saw and whose answer nobody got.
  if (seen.requests.length !== served) parts.push(`${seen.requests.length} seen`);
  return parts.join(", ");
}

Deno.test({
  ...withTools(
    `MC-Proxy reads ${count} HTTP/1.1 requests as nginx and HAProxy do, or for a reason`,
    "nginx",
    "haproxy",
  ),
  async fn(t) {
    const cases = h1Cases(9112, count);
    await using started = await startLanes(12);
    const outcomes = await runAll(started.lanes, cases);

    await t.step("every shape was there", () => {
      const seen = new Set(cases.map(({ shape }) => shape));
      assert.deepEqual(
        [...Object.keys(soundShapes), ...Object.keys(oddShapes)].filter((shape) => !seen.has(shape)),
        [],
      );
    });

    await t.step("no request that reaches MC-Proxy's backend can be framed in two ways", () => {
      let looked = 0;
      for (const [index, { shape, text }] of cases.entries()) {
        const { seen } = outcomes[index]!.mcproxy;
        const about = `${shape}: ${JSON.stringify(text)}`;
        assert.deepEqual(seen.broken, [], about);
        for (const request of seen.requests) {
          looked++;
          assert.equal(ambiguity(request), null, `${about} became ${JSON.stringify(request)}`);
          // A body that the client framed never becomes a request; in that one shape it framed none.
          assert.ok(!request.head.includes("/smuggled") || shape === "body without framing", about);
        }
        // Cut inside a body, so that the backend can tell, or not there at all.
        for (const cut of seen.cut) assert.match(cut, /^[A-Z]+ [^ ]+ HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)+\r\n/, about);
      }
      assert.ok(looked > count / 2, `${looked} requests only`);
    });

    await t.step("MC-Proxy serves every sound request", () => {
      for (const [index, { shape, text }] of cases.entries()) {
        if (!(shape in soundShapes)) continue;
        const { statuses, seen } = outcomes[index]!.mcproxy;
        assert.ok(statuses.every((status) => status === 200), `${shape}: ${statuses} for ${JSON.stringify(text)}`);
        assert.equal(statuses.length, seen.requests.length, shape);
        if (text.includes("GET /last ")) assert.match(seen.requests.at(-1)?.head ?? "", /^GET \/last HTTP/, shape);
      }
    });

    await t.step("MC-Proxy understands the same when a request comes in pieces", async () => {
      const size = seeded(9112);
      const pieces = cases.map(({ text }) => 1 + size(text.length > 5000 ? 1000 : 50));
      const ours = started.lanes.filter(({ reader }) => reader === "mcproxy");
      let next = 0;
      await Promise.all(ours.map(async (lane) => {
        while (next < cases.length) {
          const index = next++;
          const { shape, text } = cases[index]!;
          const about = `${shape} in pieces of ${pieces[index]}: ${JSON.stringify(text)}`;
          assert.equal(comparable(await lane.send(text, pieces[index])), comparable(outcomes[index]!.mcproxy), about);
        }
      }));
    });

    await t.step("every difference has a class", () => {
      const hits = differenceClasses.map(() => ({ nginx: 0, haproxy: 0 }));
      const unexplained: string[] = [];
      const alike = { nginx: 0, haproxy: 0 };
      for (const [index, { shape, text }] of cases.entries()) {
        const { mcproxy } = outcomes[index]!;
        for (const peer of peers) {
          const outcome = outcomes[index]![peer];
          if (comparable(outcome) === comparable(mcproxy)) {
            alike[peer]++;
            continue;
          }
          const [ours, theirs] = [verdictOf(mcproxy), verdictOf(outcome)];
          const found = differenceClasses.findIndex((each) =>
            each[peer]?.includes(shape) === true && each.ours === ours && each.theirs === theirs
          );
          if (found >= 0) hits[found]![peer]++;
          else unexplained.push(`${shape}: we ${ours}, ${peer} ${theirs}, for ${JSON.stringify(text.slice(0, 400))}`);
        }
      }
      console.log(table([
        ["class", "rule", "we", "they", "nginx", "haproxy"],
        ["alike", "", "", "", `${alike.nginx}`, `${alike.haproxy}`],
        ...differenceClasses.map(({ name, rule, ours, theirs }, index) => [
          ...[name, rule, ours, theirs],
          ...peers.map((peer) => `${hits[index]![peer]}`),
        ]),
      ]));
      assert.deepEqual(unexplained, []);
      const unused = differenceClasses.filter((_, index) => peers.every((peer) => hits[index]![peer] === 0));
      assert.deepEqual(unused.map(({ name }) => name), [], "remove the class, or its shapes don't show it any more");
    });
  },
});

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()).join("\n");
}

Deno.test("ambiguity finds what can be framed in two ways", () => {
  const head = (...fields: string[]) => ["POST / HTTP/1.1", "Host: a.test", ...fields, "", ""].join("\r\n");
  const cases: [head: string, rawBody: string, isFound: boolean][] = [
    [head(), "", false],
    [head("Content-Length: 5"), "hello", false],
    [head("Transfer-Encoding: chunked"), "5\r\nhello\r\n0\r\n\r\n", false],
    [head("Transfer-Encoding: chunked"), "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", false],
    [head(), "hello", true],
    [head("Content-Length: 5", "Transfer-Encoding: chunked"), "hello", true],
    [head("Content-Length: 5", "Content-Length: 5"), "hello", true],
    [head("Content-Length: 05"), "hello", true],
    [head("Content_Length: 5", "Content-Length: 5"), "hello", true],
    [head("Content-Length: 4"), "hello", true],
    [head("Transfer-Encoding: gzip, chunked"), "5\r\nhello\r\n0\r\n\r\n", true],
    [head("Transfer-Encoding: chunked"), "05\r\nhello\r\n0\r\n\r\n", true],
    [head("Transfer-Encoding: chunked"), "5;a=b\r\nhello\r\n0\r\n\r\n", true],
    [head("Transfer-Encoding: chunked"), "5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n", true],
    [head("X-One: a\n b"), "", true],
    [head("X-One : a"), "", true],
    [head("Host: b.test"), "", true],
    [head().replace("1.1", "1.0"), "", true],
  ];
  for (const [text, rawBody, isFound] of cases) {
    const found = ambiguity({ head: text, rawBody, body: "" });
    assert.equal(found !== null, isFound, `${JSON.stringify(text + rawBody)}: ${found}`);
  }
});
