import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { type Call, type Handlers, implement, type Operation } from "@lib/contract/mod.ts";
import { conflict, PlatformError, rateLimited } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, exportKeyPem, generateKey, type MadeIssuer, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles, dialTls } from "@lib/tls/mod.ts";
import { RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";
import { grpcClient, type GrpcServer, type GrpcServerOptions, serveGrpc } from "./mod.ts";

const accounts: Record<string, Caller> = {
  admin: { subject: "1", username: "ada", accountType: "human", roles: ["admin"], tokenId: "a" },
  guest: { subject: "3", username: "gus", accountType: "human", roles: ["guest"], tokenId: "g" },
};
const authenticate = (token: string) => Promise.resolve(accounts[token] ?? null);

const zones: Handlers<typeof ZoneService> = {
  createZone: (request) => ({ name: request.name }),
  getZone: (request, call) => ({ name: request.zone, adminEmail: call.caller?.username ?? "", primaryNs: call.remote }),
  listZones: () => new Promise(() => {}),
  updateZone: () => {
    throw rateLimited("Too many changes", 7);
  },
  deleteZone: () => {
    throw new Error("secret database path");
  },
  exportZone: () => ({}),
  importZone: () => ({}),
  listChanges: () => ({}),
  undoChange: () => ({}),
  exportZoneInPieces: async function* () {},
};
const records: Handlers<typeof RecordService> = {
  createRecord: () => {
    throw conflict('Cannot add CNAME "ä": exists', { field: "type", rule: "cname", hint: "Delete “it” first" });
  },
  setRecords: () => ({}),
  listRecords: () => ({}),
  deleteRecords: () => ({}),
  deleteOwnedRecords: () => ({}),
};

function serve(operations: Operation[], more: Partial<GrpcServerOptions> = {}): Promise<GrpcServer> {
  return serveGrpc({ address: "127.0.0.1:0", operations, authenticate, log: silentLogger, ...more });
}

async function withTls<T>(
  names: string[],
  use: (tls: { files: CertificateFiles; root: MadeIssuer }) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  const root = await createRoot({ name: "Test root", days: 1 });
  const key = await generateKey("P-256");
  const now = Date.now();
  const cert = await signLeaf(root, key.publicKey, {
    names,
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + 3_600_000),
  });
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/key.pem`, await exportKeyPem(key));
  const files = CertificateFiles.load({ cert: `${folder}/cert.pem`, key: `${folder}/key.pem`, log: silentLogger });
  try {
    return await use({ files, root });
  } finally {
    files.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("serveGrpc and grpcClient carry a call over plain loopback and close completely", async () => {
  await using server = await serve(implement(ZoneService, zones));
  await using client = grpcClient(ZoneService, { address: server.address, token: () => "admin" });
  const zone = await client.getZone({ zone: "example.org" });
  assert.deepEqual([zone.name, zone.adminEmail, zone.primaryNs], ["example.org", "ada", "127.0.0.1"]);
});

Deno.test("grpcClient over TLS verifies the configured name while it connects to an address", async () => {
  await withTls(["mcns.svc.test", "127.0.0.1"], async ({ files, root }) => {
    await using server = await serve(implement(ZoneService, zones), { tls: files });
    const { address } = server;
    const ca = root.certificatePem;
    for (const serverName of ["mcns.svc.test", "127.0.0.1"]) {
      await using client = grpcClient(ZoneService, { address, tls: { ca, serverName }, token: () => "admin" });
      assert.equal((await client.getZone({ zone: "z" })).primaryNs, "127.0.0.1");
    }
  });
});

Deno.test("serveGrpc over TLS speaks nothing but HTTP/2, and lets go of a peer that has ended", async () => {
  await withTls(["mcns.svc.test"], async ({ files, root }) => {
    await using server = await serve(implement(ZoneService, zones), { tls: files });
    const port = Number(server.address.split(":")[1]);
    const peer = { hostname: "127.0.0.1", port, serverName: "mcns.svc.test", ca: root.certificatePem };
    const connection = await dialTls({ ...peer, alpn: ["h2"] });
    assert.equal(connection.alpnProtocol, "h2");
    connection.end();
    for await (const _settings of connection) { /* until the server has closed its side too */ }
    await assert.rejects(dialTls({ ...peer, alpn: ["http/1.1"] }), { code: "unavailable" });
  });
});

Deno.test("grpcClient says what is wrong with a connection", async (t) => {
  const other = await createRoot({ name: "Other root", days: 1 });
  await withTls(["mcns.svc.test", "127.0.0.1"], async ({ files, root }) => {
    await using server = await serve(implement(ZoneService, zones), { tls: files });
    const { address } = server;
    const trusted = root.certificatePem;
    const rows: [string, { address: string; tls?: { ca: string; serverName: string } }, RegExp][] = [
      [
        "wrong name",
        { address, tls: { ca: trusted, serverName: "mcr.svc.test" } },
        /"mcr\.svc\.test".*"mcns\.svc\.test", "127\.0\.0\.1"/,
      ],
      [
        "wrong CA",
        { address, tls: { ca: other.certificatePem, serverName: "mcns.svc.test" } },
        /not signed by a CA that is trusted here.*Test root/,
      ],
      ["no TLS", { address }, /Cannot reach mcns\.v1\.ZoneService at 127\.0\.0\.1:\d+/],
      [
        "nobody there",
        { address: "127.0.0.1:1", tls: { ca: trusted, serverName: "x" } },
        /at 127\.0\.0\.1:1: connection refused/,
      ],
      ["no socket", { address: "unix:/nonexistent/a.sock" }, /at unix:\/nonexistent\/a\.sock: .*ENOENT/],
    ];
    for (const [name, options, says] of rows) {
      await t.step(name, async () => {
        await using client = grpcClient(ZoneService, { ...options, token: () => "admin", deadlineMs: 5000 });
        await assert.rejects(client.getZone({ zone: "z" }), (error: Error) => {
          assert.ok(error instanceof PlatformError, String(error));
          assert.equal(error.code, "unavailable");
          assert.match(error.message, says);
          return true;
        });
      });
    }
  });
});

Deno.test("serveGrpc refuses the clear on addresses that others can reach", async () => {
  await assert.rejects(serve([], { address: "0.0.0.0:0" }), { code: "invalid", field: "address" });
  await assert.rejects(serve([], { address: "nonsense" }), { code: "invalid", field: "address" });
});

Deno.test("serveGrpc on a unix socket takes every peer for the local operator", async () => {
  const folder = await Deno.makeTempDir();
  const address = `unix:${folder}/admin.sock`;
  {
    await using server = await serve(implement(ZoneService, zones), { address, authenticate: "local" });
    assert.equal((await Deno.stat(`${folder}/admin.sock`)).mode! & 0o777, 0o660);
    await using client = grpcClient(ZoneService, { address: server.address });
    const zone = await client.getZone({ zone: "z" });
    assert.deepEqual([zone.adminEmail, zone.primaryNs], ["local", "unix"]);
  }
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("errors keep code, field, rule, hint and retry time over the wire", async () => {
  await using server = await serve([...implement(ZoneService, zones), ...implement(RecordService, records)]);
  const { address } = server;
  await using zone = grpcClient(ZoneService, { address, token: () => "admin" });
  await using record = grpcClient(RecordService, { address, token: () => "admin" });
  await assert.rejects(record.createRecord({ zone: "z" }), {
    name: "PlatformError",
    code: "conflict",
    message: 'Cannot add CNAME "ä": exists',
    field: "type",
    rule: "cname",
    hint: "Delete “it” first",
  });
  await assert.rejects(zone.updateZone({}), { code: "rate_limited", retryAfterSeconds: 7 });
  await assert.rejects(zone.deleteZone({}), { code: "internal", message: /^Internal error; the service's log/ });
});

Deno.test("serveGrpc enforces access and tells missing tokens from bad ones", async () => {
  await using server = await serve(implement(ZoneService, zones));
  const { address } = server;
  const rows: [string | undefined, object][] = [
    [undefined, { code: "unauthenticated" }],
    ["nonsense", { code: "unauthenticated", rule: "invalid_token" }],
    ["guest", { code: "denied", rule: "access:admin" }],
  ];
  for (const [token, expected] of rows) {
    await using client = grpcClient(ZoneService, { address, token: () => token });
    await assert.rejects(client.createZone({ name: "z" }), expected);
  }
});

Deno.test("grpcClient ends calls at their deadline, by signal, and at close", async () => {
  const aborted: boolean[] = [];
  const slow: Handlers<typeof ZoneService> = {
    ...zones,
    listZones: (_request, call: Call) =>
      new Promise((_, reject) =>
        call.signal.addEventListener("abort", () => reject(new Error(`${aborted.push(true)}`)))
      ),
  };
  await using server = await serve(implement(ZoneService, slow));
  const client = grpcClient(ZoneService, { address: server.address, token: () => "admin" });
  await assert.rejects(client.listZones({}, { deadlineMs: 100 }), {
    code: "unavailable",
    message: `mcns.v1.ZoneService at ${server.address} did not answer ListZones within 100 ms`,
  });
  const reason = new Error("not wanted any more");
  const abort = new AbortController();
  const called = client.listZones({}, { signal: abort.signal });
  abort.abort(reason);
  await assert.rejects(called, reason);
  await assert.rejects(client.listZones({}, { signal: abort.signal }), reason);
  const pending = assert.rejects(client.listZones({}), { code: "unavailable" });
  await client.close();
  await pending;
  await assert.rejects(client.getZone({}), { code: "unavailable", message: /is closed/ });
});

function agent(deploy: Handlers<typeof AgentService>["deploy"]): Operation[] {
  const unused = () => Promise.reject(new Error("unused"));
  const stream = async function* () {};
  return implement(AgentService, {
    deploy,
    undeploy: stream,
    stopService: stream,
    startService: stream,
    restartService: stream,
    streamLogs: stream,
    shutdown: stream,
    listServices: unused,
    getService: unused,
    getNode: unused,
    listEvents: unused,
  });
}

Deno.test("streams arrive message by message, complete and in order", async () => {
  await using server = await serve(
    agent(async function* (request) {
      for (let i = 0; i < 300; i++) yield { step: `${i}`, detail: request.fileName.repeat(100) };
    }),
    { authenticate: "local" },
  );
  await using client = grpcClient(AgentService, { address: server.address });
  let count = 0;
  for await (const event of client.deploy({ fileName: "hello.toml" })) assert.equal(event.step, `${count++}`);
  assert.equal(count, 300);
});

Deno.test("a failed stream ends with its error after what has arrived", async () => {
  const first = Promise.withResolvers<void>();
  await using server = await serve(
    agent(async function* () {
      yield { step: "pull" };
      await first.promise;
      throw conflict("rolled back", { hint: "look at the log" });
    }),
    { authenticate: "local" },
  );
  await using client = grpcClient(AgentService, { address: server.address });
  const steps: string[] = [];
  const read = async () => {
    for await (const event of client.deploy({})) {
      steps.push(event.step);
      first.resolve();
    }
  };
  await assert.rejects(read(), { code: "conflict", message: "rolled back", hint: "look at the log" });
  assert.deepEqual(steps, ["pull"]);
});

Deno.test("a handler's stream is ended when its reader leaves", async () => {
  const left = Promise.withResolvers<boolean>();
  await using server = await serve(
    agent(async function* (_request, call) {
      try {
        for (let i = 0;; i++) {
          yield { step: `${i}`, detail: "x".repeat(10_000) };
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      } finally {
        left.resolve(call.signal.aborted);
      }
    }),
    { authenticate: "local" },
  );
  await using client = grpcClient(AgentService, { address: server.address });
  for await (const event of client.deploy({})) if (event.step === "3") break;
  assert.equal(await left.promise, true);
});

Deno.test("GrpcServer.close lets calls end within the drain", async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const server = await serve(implement(ZoneService, {
    ...zones,
    getZone: async (request) => {
      started.resolve();
      await finish.promise;
      return { name: request.zone };
    },
  }));
  await using client = grpcClient(ZoneService, { address: server.address, token: () => "admin" });
  const call = client.getZone({ zone: "slow" });
  await started.promise;
  const closing = server.close(5000);
  finish.resolve();
  assert.equal((await call).name, "slow");
  await closing;
});

Deno.test("GrpcServer.close leaves no new client without an answer where a second server has the address", async () => {
  await withTls(["mcns.svc.test"], async ({ files, root }) => {
    const operations = implement(ZoneService, zones);
    const first = await serve(operations, { tls: files, reusePort: true });
    const { address } = first;
    await using _second = await serve(operations, { tls: files, reusePort: true, address });
    const tls = { ca: root.certificatePem, serverName: "mcns.svc.test" };
    const clients = Array.from({ length: 20 }, () => grpcClient(ZoneService, { address, tls, token: () => "admin" }));
    const calls = clients.map((client) => client.getZone({ zone: "z" }));
    // About half of them are the first's: in its queue, or in the middle of a handshake.
    const closing = first.close(5000);
    assert.deepEqual((await Promise.all(calls)).map(({ name }) => name), clients.map(() => "z"));
    await closing;
    await Promise.all(clients.map((client) => client.close()));
  });
});

Deno.test("GrpcServer.close cuts off what outlasts the drain", async () => {
  const started = Promise.withResolvers<void>();
  const cut = Promise.withResolvers<void>();
  const server = await serve(implement(ZoneService, {
    ...zones,
    getZone: (_request, call) => {
      call.signal.addEventListener("abort", () => cut.resolve());
      started.resolve();
      return new Promise(() => {});
    },
  }));
  await using client = grpcClient(ZoneService, { address: server.address, token: () => "admin" });
  const call = assert.rejects(client.getZone({ zone: "endless" }), { code: "unavailable" });
  await started.promise;
  await server.close(50);
  await call;
  await cut.promise;
});

Deno.test("grpcClient finds a restarted server again", async () => {
  const first = await serve(implement(ZoneService, zones));
  await using client = grpcClient(ZoneService, { address: first.address, token: () => "admin" });
  await client.getZone({ zone: "z" });
  await first.close(1000);
  await assert.rejects(client.getZone({ zone: "z" }), { code: "unavailable" });
  await using second = await serve(implement(ZoneService, zones), { address: first.address });
  assert.equal(second.address, first.address);
  for (;;) {
    try {
      await client.getZone({ zone: "z" });
      break;
    } catch (error) {
      assert.equal((error as PlatformError).code, "unavailable");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});

Deno.test("serveGrpc reports each call to its observer and returns the caller's request id", async () => {
  const seen: string[] = [];
  await using server = await serve(implement(ZoneService, zones), {
    observe: (o) => seen.push(`${o.operation} ${o.transport} ${o.code} ${o.username} ${o.requestId}`),
  });
  await using client = grpcClient(ZoneService, { address: server.address, token: () => "guest" });
  await client.getZone({ zone: "z" }, { requestId: "r-1" });
  await assert.rejects(client.createZone({}, { requestId: "r-2" }));
  assert.deepEqual(seen, [
    "mcns.v1.ZoneService.GetZone grpc ok gus r-1",
    "mcns.v1.ZoneService.CreateZone grpc denied gus r-2",
  ]);
});
