import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { implement } from "@lib/contract/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { HealthService } from "@proto/metacircular/v1/health_pb.ts";
import { bytesAsTheyAre, methodPath } from "./definition.ts";
import { grpcClient, serveGrpc } from "./mod.ts";

const start = (getHealth: () => Promise<{ status: string }>) =>
  serveGrpc({
    address: "127.0.0.1:0",
    operations: implement(HealthService, { getHealth }),
    authenticate: "local",
    log: silentLogger,
  });
const healthy = () => Promise.resolve({ status: "serving" });
const portOf = (address: string) => Number(address.split(":")[1]);

const text = (s: string) => new TextEncoder().encode(s);
const preface = text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

Deno.test("serveGrpc lives on after peers that don't speak HTTP/2", async (t) => {
  await using server = await start(healthy);
  const port = portOf(server.address);
  const rows: [string, Uint8Array[]][] = [
    ["silence", []],
    ["HTTP/1.1", [text("GET / HTTP/1.1\r\nhost: a\r\n\r\n")]],
    ["noise", [crypto.getRandomValues(new Uint8Array(4096))]],
    ["half a preface", [preface.subarray(0, 10)]],
    ["noise after the preface", [preface, crypto.getRandomValues(new Uint8Array(4096))]],
    // A frame header that announces 16 MiB.
    ["a frame over the limit", [preface, new Uint8Array([255, 255, 255, 0, 0, 0, 0, 0, 1])]],
    ["HEADERS on stream 0", [
      preface,
      new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]),
      new Uint8Array([0, 0, 0, 1, 4, 0, 0, 0, 0]),
    ]],
  ];
  for (const [name, writes] of rows) {
    await t.step(name, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      try {
        for (const bytes of writes) await connection.write(bytes);
        await connection.closeWrite();
        while (await connection.read(new Uint8Array(4096)) !== null) { /* what the server has to say */ }
      } catch {
        // Reset: an answer too.
      }
      connection.close();
      await using client = grpcClient(HealthService, { address: server.address });
      assert.equal((await client.getHealth({})).status, "serving");
    });
  }
});

/** The status of one raw call. */
function rawCall(address: string, path: string, bytes: Buffer): Promise<number> {
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
  });
  const done = Promise.withResolvers<number>();
  client.makeUnaryRequest(path, bytesAsTheyAre, bytesAsTheyAre, bytes, (error: ServiceError | null) => {
    client.close();
    done.resolve(error?.code ?? status.OK);
  });
  return done.promise;
}

Deno.test("serveGrpc answers malformed, oversized and unknown requests with their status", async () => {
  await using server = await start(healthy);
  const path = methodPath(HealthService.method.getHealth);
  assert.equal(await rawCall(server.address, path, Buffer.alloc(0)), status.OK);
  // A length-delimited field that says it is longer than the message.
  assert.equal(await rawCall(server.address, path, Buffer.from([0x0a, 0xff, 0x01])), status.INVALID_ARGUMENT);
  assert.equal(await rawCall(server.address, path, Buffer.alloc(1024 * 1024 + 1)), status.RESOURCE_EXHAUSTED);
  assert.equal(await rawCall(server.address, "/no.such.Service/Call", Buffer.alloc(0)), status.UNIMPLEMENTED);
});

Deno.test("serveGrpc lives on after a peer that vanishes during its call", async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  await using server = await start(async () => {
    started.resolve();
    await finish.promise;
    return { status: "late" };
  });
  const vanishing = grpcClient(HealthService, { address: server.address });
  const call = assert.rejects(vanishing.getHealth({}), { code: "unavailable" });
  await started.promise;
  await vanishing.close();
  await call;
  finish.resolve();
  await using client = grpcClient(HealthService, { address: server.address });
  assert.equal((await client.getHealth({})).status, "late");
});
