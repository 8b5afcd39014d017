import assert from "node:assert/strict";
import { join } from "node:path";
import { type Handlers, implement } from "@lib/contract/mod.ts";
import { conflict, notFound, unavailable } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { type PutRouteRequest, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { ingressClient } from "./mcproxy.ts";

const route = { listener: "https", hostname: "a.test", mode: "l7", backend: "127.0.0.1:1" } as const;
const files = { cert: "a.pem", key: "a.key" };

/** An ingress with one place for a route, which answers a put as `onPut` says. */
async function ingress(stored: Partial<PutRouteRequest> | null, onPut: () => void = () => {}) {
  const folder = await Deno.makeTempDir();
  const address = `unix:${join(folder, "admin.sock")}`;
  const puts: PutRouteRequest[] = [];
  const other = () => {
    throw unavailable("not part of this test");
  };
  const handlers = {
    getRoute: ({ hostname }: { hostname: string }) => {
      if (stored === null) throw notFound("route", hostname);
      return { ...stored, version: `v${puts.length}` };
    },
    putRoute: (request: PutRouteRequest) => {
      puts.push(request);
      onPut();
      return {};
    },
    ...{ listRoutes: other, deleteRoute: other },
  };
  const server = await serveGrpc({
    address,
    authenticate: "local",
    log: silentLogger,
    operations: implement(RouteService, handlers as unknown as Handlers<typeof RouteService>),
  });
  const client = ingressClient({ socket: address });
  return {
    ...{ client, puts },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server.close(0);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("ingressClient.putRoute opens no route that its operator has closed, and sets the rest", async () => {
  const closed = {
    clientCert: "required",
    clientCa: "/certs/staff.pem",
    signIn: { $typeName: "mcproxy.v1.SignIn" as const, allow: ["admin"] },
    maintenance: "at work",
    backends: ["127.0.0.1:9"],
  };
  await using at = await ingress(closed);
  await at.client.putRoute(route, files);
  const [put] = at.puts;
  assert.deepEqual(
    [put!.clientCert, put!.clientCa, put!.signIn?.allow, put!.expectedVersion],
    ["required", "/certs/staff.pem", ["admin"], "v0"],
  );
  assert.deepEqual([put!.backends, put!.tlsCert, put!.maintenance], [["127.0.0.1:1"], "a.pem", ""]);
});

Deno.test("ingressClient.putRoute makes a route that isn't there, and only then", async () => {
  await using at = await ingress(null);
  await at.client.putRoute(route, files);
  const [put] = at.puts;
  assert.deepEqual([put!.clientCert, put!.signIn, put!.expectedVersion], ["", undefined, "none"]);
});

Deno.test("ingressClient.putRoute looks again when somebody changes the route meanwhile, three times at most", async () => {
  for (const [conflicts, asked] of [[2, 3], [9, 3]] as const) {
    let left: number = conflicts;
    await using at = await ingress({}, () => {
      if (left-- > 0) throw conflict("another version is there");
    });
    const put = at.client.putRoute(route, files);
    if (conflicts < 3) await put;
    else {await assert.rejects(put, {
        code: "conflict",
        message: /^Cannot route a\.test: MC-Proxy refuses: another version/,
      });}
    assert.equal(at.puts.length, asked);
    assert.deepEqual(at.puts.map(({ expectedVersion }) => expectedVersion), ["v0", "v1", "v2"]);
  }
});
