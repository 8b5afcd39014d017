import assert from "node:assert/strict";
import { describe, imageManifest, registryUnderTest, sha256, sha512 } from "../testing/test_registry.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const repository = "infra/tools/app";

Deno.test("manifests come back as they were pushed, by tag and by digest", async () => {
  await using world = await registryUnderTest();
  await world.blob(repository, "{}");
  await world.blob(repository, "layer");
  // Spaces and order are the client's own.
  const manifest = imageManifest("{}", ["layer"]).replaceAll(",", " ,\n");
  const digest = sha256(manifest);
  const pushed = await world.call(`PUT /v2/${repository}/manifests/v1.0`, {
    body: manifest,
    headers: { "content-type": `${manifestType}; charset=utf-8` },
  });
  assert.equal(pushed.status, 201);
  assert.equal(pushed.headers.get("docker-content-digest"), digest);
  assert.equal(pushed.headers.get("location"), `/v2/${repository}/manifests/${digest}`);
  await world.restart();
  for (const reference of ["v1.0", digest]) {
    const got = await world.call(`GET /v2/${repository}/manifests/${reference}`);
    assert.deepEqual([got.status, got.text], [200, manifest]);
    assert.equal(got.headers.get("content-type"), manifestType);
    const head = await world.call(`HEAD /v2/${repository}/manifests/${reference}`);
    assert.equal(head.headers.get("content-length"), String(manifest.length));
    assert.equal(head.headers.get("docker-content-digest"), digest);
  }
  // The same bytes under their sha512 are one more manifest, under a name of its own.
  const long = sha512(manifest);
  const put = await world.call(`PUT /v2/${repository}/manifests/${long}`, { body: manifest });
  assert.deepEqual([put.status, put.headers.get("docker-content-digest")], [201, long]);
  assert.equal((await world.call(`GET /v2/${repository}/manifests/${long}`)).text, manifest);
});

Deno.test("indexes, Docker's types and artifacts are accepted", async () => {
  await using world = await registryUnderTest();
  await world.blob(repository, "{}");
  await world.blob(repository, "layer");
  const image = imageManifest("{}", ["layer"]);
  await world.call(`PUT /v2/${repository}/manifests/image`, { body: image });
  const docker = image.replace(manifestType, "application/vnd.docker.distribution.manifest.v2+json");
  const rows: [string, string][] = [
    ["docker", docker],
    ["no-layers", imageManifest("{}", [])],
    ["index", JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [describe(manifestType, image)] })],
    [
      "docker-list",
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
        manifests: [{ ...describe(manifestType, image), platform: { os: "linux", architecture: "amd64" } }],
      }),
    ],
    ["empty-index", JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] })],
    ["cache", JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [describe("a/layer", "layer")] })],
    ["artifact", imageManifest("{}", ["layer"], { artifactType: "application/vnd.example.thing" })],
    [
      "foreign-layer",
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: describe("application/vnd.oci.image.config.v1+json", "{}"),
        layers: [{ ...describe("a/b", "elsewhere"), urls: ["https://example.org/layer"] }],
      }),
    ],
  ];
  for (const [tag, body] of rows) {
    const pushed = await world.call(`PUT /v2/${repository}/manifests/${tag}`, {
      body,
      headers: { "content-type": JSON.parse(body).mediaType },
    });
    assert.equal(pushed.status, 201, `${tag}: ${pushed.text}`);
    assert.equal((await world.call(`GET /v2/${repository}/manifests/${tag}`)).text, body);
  }
});

Deno.test("manifests are refused with the specification's codes", async () => {
  await using world = await registryUnderTest();
  await world.blob(repository, "{}");
  const good = imageManifest("{}", []);
  const parsed = JSON.parse(good);
  const changed = (change: Record<string, unknown>) => JSON.stringify({ ...parsed, ...change });
  const absent = imageManifest("{}", ["absent", "gone"]);
  const padded = (bytes: number) => good + " ".repeat(bytes - good.length);
  const rows: [string, string, number, string, RegExp][] = [
    ["v1", absent, 404, "MANIFEST_BLOB_UNKNOWN", /push it first.*MANIFEST_BLOB_UNKNOWN/],
    ["v1", imageManifest("other", []), 404, "MANIFEST_BLOB_UNKNOWN", /push it first/],
    [
      "v1",
      JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [describe(manifestType, "absent")] }),
      404,
      "MANIFEST_BLOB_UNKNOWN",
      /Manifest sha256:[0-9a-f]+ is not in repository/,
    ],
    ["v1", changed({ config: { ...parsed.config, size: 3 } }), 400, "MANIFEST_INVALID", /has 3 bytes; it has 2/],
    [sha256("other"), good, 400, "DIGEST_INVALID", /not sha256:/],
    ["v1", "", 400, "MANIFEST_INVALID", /is not JSON/],
    ["v1", "[]", 400, "MANIFEST_INVALID", /must be an object/],
    ["v1", `{"schemaVersion":1}`, 400, "MANIFEST_INVALID", /mediaType/],
    ["v1", changed({ schemaVersion: 1 }), 400, "MANIFEST_INVALID", /schemaVersion: must be 2/],
    ["v1", changed({ mediaType: "text/plain" }), 400, "MANIFEST_INVALID", /is not accepted/],
    ["v1", changed({ layers: null }), 400, "MANIFEST_INVALID", /layers: must be a list/],
    ["v1", changed({ manifests: [] }), 400, "MANIFEST_INVALID", /manifests: must not be in an image manifest/],
    ["v1", changed({ config: undefined }), 400, "MANIFEST_INVALID", /config: must be an object/],
    ["v1", changed({ subject: { digest: "sha256:x" } }), 400, "MANIFEST_INVALID", /subject/],
    ["v1", changed({ annotations: { a: 1 } }), 400, "MANIFEST_INVALID", /annotations/],
    ["v1", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 400, "MANIFEST_INVALID", /nests deeper than 32/],
    ["v1", padded(4 * 1024 * 1024 + 1), 413, "MANIFEST_INVALID", /larger than 4194304 bytes/],
    [".bad", good, 400, "MANIFEST_INVALID", /neither a tag nor a digest/],
    ["x".repeat(129), good, 400, "MANIFEST_INVALID", /neither a tag nor a digest/],
    ["sha256:abc", good, 400, "MANIFEST_INVALID", /neither a tag nor a digest/],
  ];
  for (const [reference, body, status, code, message] of rows) {
    const answer = await world.call(`PUT /v2/${repository}/manifests/${reference}`, { body });
    assert.deepEqual(
      [answer.status, answer.code],
      [status, code],
      `${body.slice(0, 200)}: ${answer.text.slice(0, 300)}`,
    );
    assert.match(answer.text, message);
  }
  const mismatch = await world.call(`PUT /v2/${repository}/manifests/v1`, {
    body: good,
    headers: { "content-type": indexType },
  });
  assert.deepEqual([mismatch.status, mismatch.code], [400, "MANIFEST_INVALID"]);
  const latin = await world.call(`PUT /v2/${repository}/manifests/v1`, { body: Uint8Array.of(0x7b, 0xff, 0x7d) });
  assert.deepEqual([latin.status, latin.code], [400, "MANIFEST_INVALID"]);
  assert.equal((await world.call(`GET /v2/${repository}/tags/list`)).text, `{"name":"${repository}","tags":[]}`);
  // Exactly 4 MiB is taken.
  assert.equal((await world.call(`PUT /v2/${repository}/manifests/v1`, { body: padded(4 * 1024 * 1024) })).status, 201);
});
