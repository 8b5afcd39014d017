/** Reading one route or rule, and changing it only as it was read. One table, for both. */
import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { FirewallService, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { testProxy } from "../testing/proxy.ts";

/** A kind of thing, seen alike. */
interface Kind {
  readonly what: string;
  get(): Promise<{ version: string }>;
  /** Puts it with that setting. */
  put(setting: string, expectedVersion: string): Promise<{ version: string }>;
  delete(expectedVersion: string): Promise<{ deleted: boolean }>;
}

async function withKinds(work: (kind: Kind) => Promise<void>): Promise<void> {
  await using proxy = await testProxy();
  const address = `unix:${proxy.adminSocket}`;
  await using routes = grpcClient(RouteService, { address });
  await using rules = grpcClient(FirewallService, { address });
  const name = { listener: "https", hostname: "a.test" };
  await work({
    what: 'route "https a.test"',
    get: () => routes.getRoute({ ...name, hostname: "A.test" }),
    put: (setting, expectedVersion) =>
      routes.putRoute({ ...name, mode: "l4", backends: [`127.0.0.1:${setting}`], expectedVersion }),
    delete: (expectedVersion) => routes.deleteRoute({ ...name, expectedVersion }),
  });
  await work({
    what: 'firewall rule "few"',
    get: () => rules.getRule({ id: "few" }),
    put: (setting, expectedVersion) =>
      rules.putRule({ id: "few", action: "limit", maxConnections: Number(setting), expectedVersion }),
    delete: (expectedVersion) => rules.deleteRule({ id: "few", expectedVersion }),
  });
}

/** What was read: "none", or the setting at that time. */
type Seen = "" | "none" | "1" | "2";

// What is there now, what is asked for by whom has seen what → what comes of it.
const puts: [there: "" | "1" | "2", put: string, seen: Seen, refused?: RegExp][] = [
  ["", "1", ""],
  ["", "1", "none"],
  ["", "1", "2", /^Cannot change WHAT: expected version "\w+", and it was deleted meanwhile$/],
  ["1", "2", ""],
  ["1", "2", "1"],
  ["1", "2", "none", /^Cannot add WHAT: there is one already$/],
  ["2", "9", "1", /^Cannot change WHAT: expected version "\w+", and somebody else has changed it to version "\w+"$/],
  // Repeated: it has done its work.
  ["1", "1", "2"],
  ["1", "1", "none"],
];
const deletes: [there: "" | "1" | "2", seen: Seen, refused?: RegExp][] = [
  ["1", ""],
  ["1", "1"],
  ["", ""],
  ["", "1"],
  ["2", "1", /^Cannot delete WHAT: expected version "\w+", and somebody else has changed it to version "\w+"$/],
];

Deno.test("PutRoute and PutRule take the version that was read, and refuse another with what to do", async () => {
  await withKinds(async (kind) => {
    const versions: Record<string, string> = { "": "", none: "none" };
    for (const setting of ["1", "2"]) versions[setting] = (await kind.put(setting, "")).version;
    assert.notEqual(versions["1"], versions["2"]);
    const set = async (there: string) => {
      await kind.delete("");
      if (there !== "") await kind.put(there, "");
    };
    for (const [there, put, seen, refused] of puts) {
      const row = `${kind.what}: ${JSON.stringify({ there, put, seen })}`;
      await set(there);
      const outcome = await kind.put(put, versions[seen]!).catch((error: unknown) => error as PlatformError);
      checkOutcome(row, kind, outcome, refused);
      const now = await kind.get().then(({ version }) => version, ({ code }: PlatformError) => code);
      if (refused !== undefined) assert.equal(now, there === "" ? "not_found" : versions[there], row);
      else if (put !== "9") assert.equal(now, versions[put], row);
    }
    for (const [there, seen, refused] of deletes) {
      const row = `${kind.what}: ${JSON.stringify({ there, seen })}`;
      await set(there);
      const outcome = await kind.delete(versions[seen]!).catch((error: unknown) => error as PlatformError);
      checkOutcome(row, kind, outcome, refused);
      if (!(outcome instanceof Error)) assert.equal(outcome.deleted, there !== "", row);
    }
  });
});

function checkOutcome(row: string, { what }: Kind, outcome: object, refused: RegExp | undefined): void {
  if (refused === undefined) return assert.ok(!(outcome instanceof Error), `${row}: ${outcome}`);
  assert.ok(outcome instanceof PlatformError, row);
  assert.equal(outcome.code, "conflict", row);
  assert.match(outcome.message, new RegExp(refused.source.replace("WHAT", what)), row);
  assert.match(outcome.hint ?? "", /^(Read it again, look what is different|Change that one, or choose another)/, row);
}

Deno.test("GetRoute and GetRule give what is stored, over gRPC and REST, and not_found for what isn't", async () => {
  await withKinds(async (kind) => {
    await assert.rejects(kind.get(), { code: "not_found", message: `No ${kind.what}` });
    assert.deepEqual(await kind.get().catch(() => kind.put("1", "none")), await kind.get());
  });
  await using proxy = await testProxy();
  proxy.put({ hostname: "a.test", mode: "l4", backends: ["127.0.0.1:9"] });
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: `${proxy.dir}/run/rest.sock` } });
  using _close = { [Symbol.dispose]: () => client.close() };
  const get = async (path: string) => {
    const response = await fetch(`http://mcproxy${path}`, { client });
    return [response.status, await response.json()];
  };
  const [status, route] = await get("/v1/routes/https/a.test?path=%2F");
  assert.deepEqual([status, route.hostname, route.backends], [200, "a.test", ["127.0.0.1:9"]]);
  assert.equal((await get("/v1/routes/https/a.test?path=%2Fx"))[0], 404);
  assert.equal((await get("/v1/firewall/rules/few"))[0], 404);
  const put = await fetch("http://mcproxy/v1/routes", {
    client,
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      listener: "https",
      hostname: "a.test",
      mode: "l4",
      backends: ["127.0.0.1:8"],
      expected_version: "none",
    }),
  });
  assert.deepEqual([put.status, (await put.json()).detail], [
    409,
    'Cannot add route "https a.test": there is one already',
  ]);
  const gone = await fetch(`http://mcproxy/v1/routes/https/a.test?expected_version=${route.version}`, {
    client,
    method: "DELETE",
  });
  assert.deepEqual([gone.status, await gone.json()], [200, { deleted: true }]);
});
