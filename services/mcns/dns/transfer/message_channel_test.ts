import assert from "node:assert/strict";
import { throwawayCa } from "@lib/testing/mod.ts";
import { MessageChannel } from "./message_channel.ts";

Deno.test("MessageChannel.open ends with its signal, whatever the server does, over TCP and TLS", async () => {
  const { root: tlsCa } = await throwawayCa();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  for (const tlsName of ["", "ns.test"]) {
    const stop = new AbortController();
    const accepted = listener.accept();
    const opening = MessageChannel.open({
      peer: { hostname: "127.0.0.1", port },
      ...{ tlsName, tlsCa, timeoutMs: 60_000, signal: stop.signal },
    });
    const ended = opening.then((channel) => channel.next());
    const silent = await accepted;
    stop.abort();
    await assert.rejects(ended);
    silent.close();
  }
  listener.close();
});
