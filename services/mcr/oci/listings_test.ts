import assert from "node:assert/strict";
import { describe, imageManifest, registryUnderTest, sha256, type World } from "../testing/test_registry.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

/** Pushes an image without layers under the tags. */
async function push(world: World, repository: string, ...tags: string[]): Promise<string> {
  await world.blob(repository, "{}");
  const manifest = imageManifest("{}", []);
  for (const tag of tags) {
    assert.equal((await world.call(`PUT /v2/${repository}/manifests/${tag}`, { body: manifest })).status, 201);
  }
  return sha256(manifest);
}

/** Follows Link headers; each page's entries. */
async function pages(world: World, path: string, key: string, as = "ada"): Promise<string[][]> {
  const found: string[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { status, text, headers } = await world.call(`GET ${next}`, { as });
    assert.equal(status, 200, text);
    found.push(JSON.parse(text)[key]);
    next = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
  }
  return found;
}

Deno.test("tags are listed in case-insensitive order, page by page", async () => {
  await using world = await registryUnderTest();
  await push(world, "app", "v2", "V1", "a", "v10", "v1", "B", "_x");
  const list = (query: string) => pages(world, `/v2/app/tags/list${query}`, "tags");
  assert.deepEqual(await list(""), [["_x", "a", "B", "V1", "v1", "v10", "v2"]]);
  assert.deepEqual(await list("?n=3"), [["_x", "a", "B"], ["V1", "v1", "v10"], ["v2"]]);
  assert.deepEqual(await list("?n=7"), [["_x", "a", "B", "V1", "v1", "v10", "v2"]]);
  assert.deepEqual(await list("?last=V1"), [["v1", "v10", "v2"]]);
  assert.deepEqual(await list("?n=2&last=c"), [["V1", "v1"], ["v10", "v2"]]);
  assert.deepEqual(await list("?n=0"), [[]]);
  for (const bad of ["-1", "x", "1.5", ""]) {
    assert.equal((await world.call(`GET /v2/app/tags/list?n=${bad}`)).status, 400);
  }
});

Deno.test("the catalog shows what the account may pull, page by page", async () => {
  await using world = await registryUnderTest();
  for (const repository of ["mcq", "mcq/base", "other", "a/b"]) await push(world, repository, "v1");
  const list = (query: string, as: string) => pages(world, `/v2/_catalog${query}`, "repositories", as);
  assert.deepEqual(await list("", "ulla"), [["a/b", "mcq", "mcq/base", "other"]]);
  assert.deepEqual(await list("?n=3", "ulla"), [["a/b", "mcq", "mcq/base"], ["other"]]);
  assert.deepEqual(await list("?n=1", "mcq"), [["mcq"], ["mcq/base"]]);
  assert.deepEqual(await list("", "gus"), [[]]);
});

Deno.test("referrers list what is attached to a manifest, filtered by type", async () => {
  await using world = await registryUnderTest();
  const subject = await push(world, "app", "v1");
  const list = async (digest: string, query = "") => {
    const { status, text, headers } = await world.call(`GET /v2/app/referrers/${digest}${query}`);
    assert.deepEqual([status, headers.get("content-type")], [200, indexType], text);
    const index = JSON.parse(text);
    assert.deepEqual([index.schemaVersion, index.mediaType], [2, indexType]);
    return { manifests: index.manifests, filters: headers.get("oci-filters-applied") };
  };
  assert.deepEqual(await list(subject), { manifests: [], filters: null });

  const to = (digest: string) => ({ subject: { mediaType: manifestType, digest, size: 1 } });
  const attached: [string, Record<string, unknown>, string][] = [
    ["an artifact with annotations", { artifactType: "a/sbom", annotations: { made: "by us" } }, "a/sbom"],
    ["one whose type is its config's", {}, "application/vnd.oci.image.config.v1+json"],
  ];
  const expected: Record<string, unknown>[] = [];
  for (const [name, more, artifactType] of attached) {
    const body = imageManifest("{}", [], { ...to(subject), ...more });
    const pushed = await world.call(`PUT /v2/app/manifests/${sha256(body)}`, { body });
    assert.deepEqual([pushed.status, pushed.headers.get("oci-subject")], [201, subject], name);
    const { annotations } = more;
    expected.push({
      ...describe(manifestType, body),
      artifactType,
      ...(annotations === undefined ? {} : { annotations }),
    });
  }
  const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [], ...to(subject) });
  const pushed = await world.call("PUT /v2/app/manifests/an-index", { body: index });
  assert.equal(pushed.headers.get("oci-subject"), subject);
  expected.push(describe(indexType, index));

  const byDigest = (a: Record<string, unknown>, b: Record<string, unknown>) => a.digest! < b.digest! ? -1 : 1;
  assert.deepEqual((await list(subject)).manifests, expected.toSorted(byDigest));
  assert.deepEqual(await list(subject, "?artifactType=a/sbom"), { manifests: [expected[0]], filters: "artifactType" });
  assert.deepEqual(await list(subject, "?artifactType=none"), { manifests: [], filters: "artifactType" });

  // The subject may come later, or never.
  const later = sha256("later");
  const early = imageManifest("{}", [], { ...to(later), artifactType: "a/early" });
  assert.equal((await world.call(`PUT /v2/app/manifests/${sha256(early)}`, { body: early })).status, 201);
  assert.equal((await list(later)).manifests.length, 1);
  assert.equal((await world.call(`DELETE /v2/app/manifests/${sha256(early)}`)).status, 202);
  assert.equal((await list(later)).manifests.length, 0);
  assert.equal((await world.call("GET /v2/app/referrers/sha256:short")).status, 400);
  assert.equal((await world.call(`GET /v2/unknown/referrers/${subject}`)).status, 200);
});

Deno.test("a long list of referrers comes in pages with Link", async () => {
  await using world = await registryUnderTest();
  const subject = await push(world, "app", "v1");
  // Annotations of 1 MiB each: three fill a page.
  for (let i = 0; i < 4; i++) {
    const body = imageManifest("{}", [], {
      artifactType: "a/big",
      annotations: { i: String(i), big: "x".repeat(1024 * 1024) },
      subject: { mediaType: manifestType, digest: subject, size: 1 },
    });
    assert.equal((await world.call(`PUT /v2/app/manifests/t${i}`, { body })).status, 201);
  }
  const found = await pages(world, `/v2/app/referrers/${subject}?artifactType=a/big`, "manifests");
  assert.deepEqual(found.map((page) => page.length), [2, 2]);
  assert.equal(new Set(found.flat().map((one) => JSON.stringify(one))).size, 4);
});

Deno.test("deletes take a tag alone, a manifest with its tags, and a blob that nothing needs", async () => {
  await using world = await registryUnderTest();
  const digest = await push(world, "app", "v1", "v2");
  const status = async (line: string) => (await world.call(line)).status;
  const config = sha256("{}");

  const inUse = await world.call(`DELETE /v2/app/blobs/${config}`);
  assert.deepEqual([inUse.status, inUse.code], [405, "UNSUPPORTED"]);
  assert.match(inUse.text, new RegExp(`Manifest ${digest} needs blob ${config}: delete the manifest first`));

  assert.equal(await status("DELETE /v2/app/manifests/v1"), 202);
  assert.equal(await status("GET /v2/app/manifests/v1"), 404);
  assert.equal(await status("GET /v2/app/manifests/v2"), 200);
  assert.equal(await status(`GET /v2/app/manifests/${digest}`), 200);
  assert.equal(await status("DELETE /v2/app/manifests/v1"), 404);

  assert.equal(await status(`DELETE /v2/app/manifests/${digest}`), 202);
  assert.equal(await status("GET /v2/app/manifests/v2"), 404);
  assert.equal(await status(`GET /v2/app/manifests/${digest}`), 404);
  assert.equal((await world.call("GET /v2/app/tags/list")).text, '{"name":"app","tags":[]}');

  assert.equal(await status(`DELETE /v2/app/blobs/${config}`), 202);
  assert.equal(await status(`GET /v2/app/blobs/${config}`), 404);
  assert.equal(await status(`DELETE /v2/app/blobs/${config}`), 404);
  // The right to push is not the right to delete.
  assert.equal((await world.call("DELETE /v2/mcq/manifests/v1", { as: "mcq" })).status, 403);
});
