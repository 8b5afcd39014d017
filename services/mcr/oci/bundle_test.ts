import assert from "node:assert/strict";
import { HttpsClient } from "@lib/http/mod.ts";
import { type BundleConfig, pullBundle, pushBundle, RegistryClient } from "@lib/oci/mod.ts";
import { registryUnderTest, serverName, sha256, type World } from "../testing/test_registry.ts";
import { mciasToken, password } from "../testing/test_identity.ts";

const config: BundleConfig = {
  name: "mcq",
  version: "1.2.3",
  declaration: { program: "mcq", listen: ["server.rest_addr"] },
  config_defaults: { server: { rest_addr: "127.0.0.1:8443" } },
  entry: "main.js",
};
const files = new Map([["main.js", new TextEncoder().encode("console.log('hi');\n".repeat(10_000))]]);

function registryClient(world: World, username: string, secret: string) {
  const client = new HttpsClient({ address: world.registry.restAddress, serverName, ca: world.ca });
  const registry = new RegistryClient({ client, username, password: () => secret });
  return { registry, [Symbol.dispose]: () => client.close() };
}

Deno.test("a bundle goes into the registry and comes out the same, twice with the same digest", async () => {
  await using world = await registryUnderTest();
  using own = registryClient(world, "mcq", mciasToken("mcq"));
  const bundle = { repository: "mcq", tag: "v1.2.3", config, files };
  const { digest } = await pushBundle(own.registry, bundle);
  assert.deepEqual(await pushBundle(own.registry, { ...bundle, tag: "again" }), { digest });

  using agent = registryClient(world, "mcp-agent", mciasToken("mcp-agent"));
  for (const wanted of [{ reference: "v1.2.3" }, { reference: digest }, { reference: "v1.2.3", digest }]) {
    const pulled = await pullBundle(agent.registry, { repository: "mcq", ...wanted });
    assert.deepEqual([pulled.digest, pulled.config], [digest, config]);
    assert.deepEqual([...pulled.files], [...files]);
  }
  assert.equal(await agent.registry.resolve("mcq", "v1.2.3"), digest);
  assert.equal(await agent.registry.resolve("mcq", "v9"), null);
  assert.equal(await agent.registry.resolve("none", "v9"), null);

  const other = sha256("other");
  const rows: [Promise<unknown>, string, RegExp][] = [
    [
      pullBundle(agent.registry, { repository: "mcq", reference: "v1.2.3", digest: other }),
      "conflict",
      /is sha256:.* not sha256:/,
    ],
    [pullBundle(agent.registry, { repository: "mcq", reference: other }), "not_found", /MANIFEST_UNKNOWN/],
    [
      pullBundle(agent.registry, { repository: "none", reference: "v1" }),
      "not_found",
      /pull manifest none:v1.*NAME_UNKNOWN/,
    ],
    [pushBundle(agent.registry, bundle), "denied", /"mcp-agent\\?" may not push/],
  ];
  for (const [attempt, code, message] of rows) {
    await assert.rejects(attempt, (error: Error & { code?: string }) => {
      assert.match(error.message, message);
      assert.equal(error.code, code);
      return true;
    });
  }
  using wrong = registryClient(world, "ulla", "not the password");
  await assert.rejects(pullBundle(wrong.registry, { repository: "mcq", reference: "v1" }), { code: "unauthenticated" });
  world.identity.down = true;
  using late = registryClient(world, "ulla", password);
  await assert.rejects(pullBundle(late.registry, { repository: "mcq", reference: "v1" }), {
    code: "unavailable",
    message: /MCIAS does not answer/,
  });
});

Deno.test("a bundle that changed on the registry's disk is refused", async () => {
  await using world = await registryUnderTest();
  using own = registryClient(world, "mcq", mciasToken("mcq"));
  const { digest } = await pushBundle(own.registry, { repository: "mcq", tag: "v1", config, files });
  const manifest = JSON.parse((await world.call(`GET /v2/mcq/manifests/${digest}`)).text);
  const hex = manifest.layers[0].digest.split(":")[1];
  const path = `${world.folder}/data/layers/sha256/${hex.slice(0, 2)}/${hex}`;
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(path, bytes);
  await assert.rejects(pullBundle(own.registry, { repository: "mcq", reference: "v1" }), {
    code: "conflict",
    message: new RegExp(
      `Blob sha256:${hex} of mcq is not what was asked for: expected sha256:${hex}, received sha256:`,
    ),
  });
  await Deno.remove(path);
  await assert.rejects(pullBundle(own.registry, { repository: "mcq", reference: "v1" }), {
    code: "unavailable",
    message: /is missing on the registry's disk: push it again/,
  });
});
