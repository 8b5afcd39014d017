import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import type { Route } from "../domain/route.ts";
import { Deadlines } from "../stream/deadlines.ts";
import type { ClientSide } from "./client_side.ts";
import type { ExchangeContext } from "./exchange_context.ts";
import { decide } from "./decide.ts";

Deno.test("decide gives up on a form whose sender doesn't even take the 100 that it waits for", async () => {
  const client = {
    request: { target: "/sign-in", length: { kind: "stream" }, expectsContinue: true },
    interim: () => new Promise<void>(() => {}),
    body: () => assert.fail("nothing of it has come"),
  } as unknown as ClientSide;
  const context = {
    gate: {
      owns: () => true,
      visit: async (_request: unknown, _at: unknown, form: () => Promise<string>) => ({
        answer: null,
        user: await form(),
      }),
    },
    hostname: "a.test",
    peer: { source: { address: "127.0.0.1", port: 1 } },
    deadlines: new Deadlines(systemClock),
    limits: { bodyMs: 1 },
  } as unknown as ExchangeContext;
  const { answer } = await decide(context, client, {} as Route);
  assert.equal(answer?.status, 408);
});
