/** What callers of one connection have in common, and what not. */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import type { ClientResponse } from "@lib/http/mod.ts";
import { AcmeConnection } from "./connection.ts";

const origin = "https://ca.example";
const directory = { newNonce: `${origin}/n`, newAccount: `${origin}/a`, newOrder: `${origin}/o` };

Deno.test("AcmeConnection.directory is read for all who wait for it, whoever of them gives up", async () => {
  const gate = Promise.withResolvers<void>();
  let requests = 0;
  const connection = new AcmeConnection({
    directoryUrl: `${origin}/directory`,
    http: {
      request: ({ signal }) =>
        new Promise<ClientResponse>((resolve, reject) => {
          requests++;
          signal?.addEventListener("abort", () => reject(signal.reason));
          const answer = () => new Response(JSON.stringify(directory));
          gate.promise.then(() => resolve({ status: 200, headers: new Headers(), body: answer().body! }));
        }),
    },
    clock: new FakeClock(),
  });
  const stop = new AbortController();
  const first = connection.directory(stop.signal), second = connection.directory();
  stop.abort();
  await assert.rejects(first, { code: "unavailable" });
  gate.resolve();
  assert.equal((await second).newOrder, directory.newOrder);
  assert.equal((await connection.directory(new AbortController().signal)).newOrder, directory.newOrder);
  assert.equal(requests, 1);
});
