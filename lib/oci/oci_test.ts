import assert from "node:assert/strict";
import { packFiles } from "@lib/archive/mod.ts";
import {
  type BundleConfig,
  bundleTypes,
  digestOf,
  pullBundle,
  pushBundle,
  RegistryClient,
  verifyDigest,
} from "./mod.ts";
import { parseChallenge } from "./challenge.ts";
import { type Script, ScriptedRegistry } from "./scripted_registry.ts";

const encoder = new TextEncoder();
const config: BundleConfig = {
  name: "app",
  version: "1.0.0",
  declaration: { program: "app" },
  config_defaults: {},
  entry: "main.js",
};
const files = new Map([["main.js", encoder.encode("1;")]]);
const bundle = { repository: "app", tag: "v1", config, files };

function clientOf(registry: ScriptedRegistry, password: string | (() => string) = "secret"): RegistryClient {
  return new RegistryClient({ client: registry, username: "ada", password });
}

Deno.test("RegistryClient gets a token where it is told to, keeps it, and sends the password nowhere else", async () => {
  const registry = new ScriptedRegistry();
  let asked = 0;
  const client = clientOf(registry, () => `secret${++asked}`);
  await assert.rejects(client.getManifest("app", "v1", ["a/b"]), { code: "not_found", message: /no such thing/ });
  assert.equal(await client.resolve("app", "v1"), null);
  await client.pushBlob("app", "a/b", encoder.encode("x"));
  const basic = (password: string) => `Basic ${btoa(`ada:${password}`)}`;
  const token = "/v2/token?service=the+registry&scope=repository%3Aapp%3Apull";
  assert.deepEqual(registry.lines, [
    "GET /v2/ nobody",
    `GET ${token} ${basic("secret1")}`,
    "GET /v2/app/manifests/v1 Bearer token1",
    "HEAD /v2/app/manifests/v1 Bearer token1",
    `GET ${token}%2Cpush ${basic("secret2")}`,
    `HEAD /v2/app/blobs/${digestOf(encoder.encode("x"))} Bearer token2`,
    "POST /v2/app/blobs/uploads/ Bearer token2",
    `PUT /v2/app/blobs/uploads/1?state=x&digest=${encodeURIComponent(digestOf(encoder.encode("x")))} Bearer token2`,
  ]);
  await client.pushBlob("app", "a/b", encoder.encode("x"));
  assert.equal(registry.lines.length, 9, "a blob that is there is not sent again");
  assert.equal(registry.openBodies, 0);
});

Deno.test("RegistryClient fetches a new token when the old one runs out or is refused", async () => {
  const short = new ScriptedRegistry();
  short.expiresInSeconds = 30; // within the margin: good for the one request it was fetched for
  const client = clientOf(short);
  await client.resolve("app", "v1");
  await client.resolve("app", "v1");
  assert.equal(short.lines.filter((line) => line.includes("/v2/token")).length, 2);

  let refuse = false;
  const registry = new ScriptedRegistry((line, { headers }) => {
    const stale = new Headers(headers).get("authorization") === "Bearer token1";
    return refuse && stale && line.includes("manifests") ? { status: 401 } : null;
  });
  const other = clientOf(registry);
  await other.resolve("app", "v1");
  refuse = true;
  assert.equal(await other.resolve("app", "v1"), null);
  assert.equal(registry.lines.at(-1), "HEAD /v2/app/manifests/v1 Bearer token2");
  assert.equal(registry.openBodies, 0);
});

Deno.test("RegistryClient's errors say what was tried and what the registry said", async () => {
  const errors = (code: string, message: string) => JSON.stringify({ errors: [{ code, message }] });
  const rows: [string, Script, string, RegExp][] = [
    [
      "wrong password",
      (line) => line.includes("/token") ? { status: 401, body: errors("UNAUTHORIZED", "wrong password") } : null,
      "unauthenticated",
      /Cannot log in to the registry as "ada": .* 401 \(UNAUTHORIZED: wrong password\)/,
    ],
    ["MCIAS down", (line) => line.includes("/token") ? { status: 503 } : null, "unavailable", /registry token: .* 503/],
    ["no token", (line) => line.includes("/token") ? { status: 200, body: "{}" } : null, "unavailable", /holds none/],
    ["no registry", () => ({ status: 404, body: "<html>" }), "not_found", /token endpoint: .* 404$/],
    ["no challenge", () => ({ status: 401 }), "unavailable", /in a way that is not supported: "null"/],
    [
      "Basic only",
      () => ({ status: 401, headers: { "www-authenticate": "Basic realm=x" } }),
      "unavailable",
      /not supported: "Basic realm=x"/,
    ],
    [
      "denied",
      (line) => line.includes("/manifests") ? { status: 403, body: errors("DENIED", "no rule allows it") } : null,
      "denied",
      /Cannot pull manifest app:v1: the registry answered 403 \(DENIED: no rule allows it\)/,
    ],
    [
      "too often",
      (line) => line.includes("/manifests") ? { status: 429, headers: { "retry-after": "7" } } : null,
      "rate_limited",
      /429/,
    ],
    [
      "a manifest of 5 MB",
      (line) => line.includes("/manifests") ? { status: 200, body: new Uint8Array(5_000_000) } : null,
      "too_large",
      /Manifest app:v1 is larger than 4194304 bytes/,
    ],
    [
      "still refused with a fresh token",
      (line) => line.includes("/manifests") ? { status: 401, body: errors("UNAUTHORIZED", "no") } : null,
      "unauthenticated",
      /pull manifest app:v1/,
    ],
  ];
  for (const [name, script, code, message] of rows) {
    const registry = new ScriptedRegistry(script);
    await assert.rejects(clientOf(registry).getManifest("app", "v1", []), (error: Error & { code?: string }) => {
      assert.match(error.message, message, name);
      assert.equal(error.code, code, name);
      return true;
    });
    assert.equal(registry.openBodies, 0, name);
  }
});

Deno.test("every digest is verified, and the error names both", async () => {
  const bytes = encoder.encode("what was asked for");
  const digest = digestOf(bytes);
  const descriptor = { mediaType: "a/b", digest, size: bytes.length };
  const answer = (body: string) =>
    new ScriptedRegistry((line) => line.includes("/app/") ? { status: 200, body } : null);
  await assert.rejects(clientOf(answer("something else")).getBlob("app", descriptor), {
    code: "conflict",
    message: `Blob ${digest} of app is not what was asked for: expected ${digest}, received ${
      digestOf(encoder.encode("something else"))
    }`,
  });
  await assert.rejects(clientOf(answer("what was")).getBlob("app", descriptor), { code: "conflict" });
  await assert.rejects(clientOf(answer("what was asked for, and more")).getBlob("app", descriptor), {
    code: "too_large",
  });
  await assert.rejects(clientOf(answer("{}")).getManifest("app", digest, []), {
    code: "conflict",
    message: /Manifest app@sha256:/,
  });
  const lying = new ScriptedRegistry((line) =>
    line.startsWith("PUT") ? { status: 201, headers: { "docker-content-digest": digest } } : null
  );
  await assert.rejects(clientOf(lying).putManifest("app", "v1", "a/b", encoder.encode("{}")), {
    code: "conflict",
    message: new RegExp(`the registry stored ${digest}, not sha256:`),
  });
  for (const bad of ["", "sha256", "md5:00", "sha256:XYZ"]) {
    assert.throws(() => verifyDigest(bytes, bad, "x"), { code: "invalid" });
  }
  verifyDigest(bytes, digest, "x");
});

Deno.test("pullBundle refuses what is no Deno bundle", async (t) => {
  const registry = new ScriptedRegistry();
  const { digest } = await pushBundle(clientOf(registry), bundle);
  const pulled = await pullBundle(clientOf(registry), { repository: "app", reference: digest, digest });
  assert.deepEqual([pulled.digest, pulled.config, [...pulled.files]], [digest, config, [...files]]);
  const manifest = JSON.parse(new TextDecoder().decode(registry.content.get(digest)));
  assert.equal(manifest.artifactType, bundleTypes.artifact);

  const put = (value: unknown) => {
    const bytes = value instanceof Uint8Array ? value : encoder.encode(JSON.stringify(value));
    registry.content.set(digestOf(bytes), bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const configOf = (value: unknown) => ({ config: { mediaType: bundleTypes.config, ...put(value) } });
  const rows: [string, unknown, RegExp][] = [
    [
      "a container image",
      { ...manifest, artifactType: undefined },
      /is of type "image", not application\/vnd.metacircular/,
    ],
    ["another artifact", { ...manifest, artifactType: "a/b" }, /is of type "a\/b"/],
    ["no layer", { ...manifest, layers: [] }, /has 0 layers; a Deno bundle has one/],
    ["two layers", { ...manifest, layers: [manifest.layers[0], manifest.layers[0]] }, /has 2 layers/],
    ["another layer", { ...manifest, layers: [{ ...manifest.layers[0], mediaType: "a/b" }] }, /holds a "a\/b" where/],
    ["no config", { ...manifest, config: null }, /holds a "undefined" where/],
    ["a layer without a digest", { ...manifest, layers: [{ mediaType: bundleTypes.layer }] }, /without digest or size/],
    [
      "too large a layer",
      { ...manifest, layers: [{ ...manifest.layers[0], size: 1e12 }] },
      /larger than 268435456 bytes/,
    ],
    ["too large a config", { ...manifest, config: { ...manifest.config, size: 1e9 } }, /larger than 1048576 bytes/],
    ["a config that isn't JSON", { ...manifest, ...configOf(encoder.encode("{")) }, /Config of app:bad is not JSON/],
    [
      "a config without an entry",
      { ...manifest, ...configOf({ ...config, entry: "" }) },
      /bundle.entry: must be a text/,
    ],
    ["an entry that isn't there", { ...manifest, ...configOf({ ...config, entry: "x.js" }) }, /"x.js" is not among/],
    [
      "a declaration that is a list",
      { ...manifest, ...configOf({ ...config, declaration: [] }) },
      /bundle.declaration/,
    ],
    ["a manifest that isn't JSON", encoder.encode("no"), /Manifest of app:bad is not JSON/],
    ["a manifest that is no object", encoder.encode("1"), /Manifest of app:bad is not a JSON object/],
    [
      "a layer that isn't an archive",
      { ...manifest, layers: [{ mediaType: bundleTypes.layer, ...put(encoder.encode("not zstd, that is certain")) }] },
      /archive: is not zstd/,
    ],
    [
      "a layer without the entry",
      {
        ...manifest,
        layers: [{ mediaType: bundleTypes.layer, ...put(await packFiles(new Map([["y", files.get("main.js")!]]))) }],
      },
      /"main.js" is not among/,
    ],
  ];
  for (const [name, bad, message] of rows) {
    await t.step(name, async () => {
      const bytes = bad instanceof Uint8Array ? bad : encoder.encode(JSON.stringify(bad));
      registry.content.set("bad", bytes);
      await assert.rejects(pullBundle(clientOf(registry), { repository: "app", reference: "bad" }), message);
    });
  }
  await assert.rejects(pushBundle(clientOf(registry), { ...bundle, files: new Map() }), /bundle.entry/);
  await assert.rejects(
    pullBundle(clientOf(registry), { repository: "app", reference: "v1", digest: `sha256:${"0".repeat(64)}` }),
    { code: "conflict", message: new RegExp(`Image app:v1 is ${digest}, not sha256:0000`) },
  );
});

Deno.test("parseChallenge reads parameters in any order and form", () => {
  const rows: [string, string, string][] = [
    ['Bearer realm="https://r/token",service="s",scope="repository:a:pull,push"', "/token", "s"],
    ['bearer service=s, realm="https://r:8443/v2/token?x=1"', "/v2/token?x=1", "s"],
    ['Bearer realm="https://r/t"', "/t", ""],
  ];
  for (const [header, path, service] of rows) assert.deepEqual(parseChallenge(header), { path, service });
  for (const bad of [null, "", "Basic realm=x", "Bearer", 'Bearer realm="not a url"']) {
    assert.throws(() => parseChallenge(bad), { code: "unavailable" });
  }
});
