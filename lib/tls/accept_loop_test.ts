import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { acceptLoop } from "./accept_loop.ts";

Deno.test("acceptLoop, stopped, accepts what the kernel has queued and then closes the listener", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted: Deno.Conn[] = [];
  const stop = new AbortController();
  const loop = acceptLoop(listener, (connection) => accepted.push(connection), silentLogger, stop.signal);
  // The handshakes are the kernel's: they are done before anybody accepts.
  const connecting = Array.from({ length: 50 }, () => Deno.connect({ hostname: "127.0.0.1", port }));
  stop.abort();
  const connected = await Promise.all(connecting);
  await loop;
  assert.equal(accepted.length, 50);
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
  for (const connection of [...connected, ...accepted]) connection.close();
});

Deno.test("acceptLoop, stopped where nobody connects, closes the listener", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const loop = acceptLoop(listener, () => assert.fail("nobody connects"), silentLogger, stop.signal);
  stop.abort();
  await loop;
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }));
});

Deno.test("acceptLoop ends with its listener, and survives a client that is gone before it is accepted", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const two = Promise.withResolvers<void>();
  const loop = acceptLoop(listener, (connection) => {
    accepted.push(connection);
    if (accepted.length === 2) two.resolve();
  }, silentLogger);
  for (let i = 0; i < 2; i++) (await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port })).close();
  await two.promise;
  listener.close();
  await loop;
  for (const connection of accepted) connection.close();
});
