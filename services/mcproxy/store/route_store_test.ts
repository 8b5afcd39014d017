import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { plainSettings } from "../domain/route.ts";
import { migrations } from "./migrations.ts";
import { type NewRoute, RouteStore } from "./route_store.ts";

const route: NewRoute = {
  listener: "https",
  hostname: "a.test",
  path: "/",
  mode: "l7",
  backends: ["127.0.0.1:1"],
  tlsCert: "/certs/a.pem",
  tlsKey: "/certs/a.key",
  ...plainSettings,
};

Deno.test("RouteStore keeps every setting, and a put of the same changes nothing", async () => {
  const dir = await Deno.makeTempDir();
  using db = openDatabase({
    path: join(dir, "mcproxy.db"),
    migrations: [...migrations],
    durability: "full",
    clock: systemClock,
  });
  const store = new RouteStore(db);
  const full: NewRoute = {
    ...route,
    path: "/api",
    sendProxyProtocol: "v2",
    backendProtocol: "tls",
    backendName: "b.test",
    stripPath: true,
    requestHeaders: [{ op: "set", name: "x-a", value: "1" }],
    redirect: { status: 308, to: "/new" },
    maintenance: "Back at noon",
    maxBodyBytes: 5,
    healthCheck: { path: "/health", intervalMs: 5000, timeoutMs: 2000 },
    signIn: { allow: ["admin"] },
    clientCa: "/certs/staff.pem",
    clientCert: "required",
  };
  const first = store.put(full);
  const { createdAt, updatedAt, version: _version, ...stored } = first;
  assert.deepEqual(stored, full);
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(store.put(full), first);
  assert.deepEqual(store.put({ ...full, maintenance: "" }).maintenance, "");
  store.put(route);
  assert.deepEqual(store.list("", null, 10).map(({ path }) => path), ["/", "/api"]);
  assert.deepEqual(store.list("", route, 10).map(({ path }) => path), ["/api"]);
  assert.equal(store.delete(route), true);
  assert.equal(store.get(route), null);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("RouteStore reads rows of the first version of the table", async () => {
  const dir = await Deno.makeTempDir();
  const path = join(dir, "mcproxy.db");
  {
    using db = openDatabase({ path, migrations: [migrations[0]!], durability: "full", clock: systemClock });
    db.write((at) => {
      db.prepare("INSERT INTO routes VALUES ('https', 'old.test', 'l4', '[\"127.0.0.1:2\"]', '', '', ?1, ?1)").run(at);
    });
  }
  using db = openDatabase({ path, migrations: [...migrations], durability: "full", clock: systemClock });
  const [old] = new RouteStore(db).all();
  const { createdAt: _created, updatedAt: _updated, version: _version, ...rest } = old!;
  assert.deepEqual(rest, {
    ...{ listener: "https", hostname: "old.test", path: "/", mode: "l4", backends: ["127.0.0.1:2"] },
    ...{ tlsCert: "", tlsKey: "", ...plainSettings },
  });
  await Deno.remove(dir, { recursive: true });
});
