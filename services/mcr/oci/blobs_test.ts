import assert from "node:assert/strict";
import { registryUnderTest, sha256, sha512, type World } from "../testing/test_registry.ts";

const repository = "infra/tools/app";

/** Begins an upload and gives its path. */
async function begin(world: World): Promise<string> {
  const { status, headers } = await world.call(`POST /v2/${repository}/blobs/uploads/`);
  assert.equal(status, 202);
  const location = headers.get("location")!;
  assert.match(location, /^\/v2\/infra\/tools\/app\/blobs\/uploads\/[0-9a-f-]{36}$/);
  return location;
}

Deno.test("blobs are pushed in every way of the specification and come back byte for byte", async (t) => {
  await using world = await registryUnderTest();
  const content = "0123456789".repeat(50_000);
  const digest = sha256(content);
  const pull = async (wanted = digest, expected = content) => {
    const { status, text, headers } = await world.call(`GET /v2/${repository}/blobs/${wanted}`);
    assert.equal(status, 200);
    assert.ok(text === expected);
    assert.equal(headers.get("docker-content-digest"), wanted);
    assert.equal(headers.get("content-length"), String(expected.length));
  };
  /** Other content each time, so that every way stores something. */
  const variant = (name: string) => `${name} ${content}`;

  await t.step("POST, then PUT with all of it", async () => {
    const location = await begin(world);
    const done = await world.call(`PUT ${location}?digest=${digest}`, { body: content });
    assert.equal(done.status, 201);
    assert.equal(done.headers.get("location"), `/v2/${repository}/blobs/${digest}`);
    await pull();
  });
  await t.step("a single POST", async () => {
    const body = variant("single");
    await world.blob(repository, body);
    await pull(sha256(body), body);
  });
  await t.step("a single POST of nothing", async () => {
    await world.blob(repository, "");
    await pull(sha256(""), "");
  });
  await t.step("a single POST of another content than its digest says", async () => {
    const { status, code } = await world.call(`POST /v2/${repository}/blobs/uploads/?digest=${sha256("x")}`, {
      body: "y",
    });
    assert.deepEqual([status, code], [400, "DIGEST_INVALID"]);
  });
  await t.step("PATCH as a stream without a length, then PUT of nothing", async () => {
    const body = variant("streamed");
    const location = await begin(world);
    const patched = await world.call(`PATCH ${location}`, { body: new Blob([body]).stream() });
    assert.equal(patched.status, 202);
    assert.equal(patched.headers.get("range"), `0-${body.length - 1}`);
    assert.equal((await world.call(`PUT ${location}?digest=${sha256(body)}`)).status, 201);
    await pull(sha256(body), body);
  });
  await t.step("chunks in order, the last one with the PUT", async () => {
    const body = variant("chunked");
    const location = await begin(world);
    const chunk = (start: number, end: number) => ({
      body: body.slice(start, end),
      headers: { "content-range": `${start}-${end - 1}` },
    });
    assert.equal((await world.call(`PATCH ${location}`, chunk(0, 1000))).status, 202);
    assert.equal((await world.call(`PATCH ${location}`, chunk(1000, 200_000))).headers.get("range"), "0-199999");
    const rest = chunk(200_000, body.length);
    assert.equal((await world.call(`PUT ${location}?digest=${sha256(body)}`, rest)).status, 201);
    await pull(sha256(body), body);
  });
  await t.step("chunks with a restart of the registry between them", async () => {
    const body = variant("restarted");
    const location = await begin(world);
    await world.call(`PATCH ${location}`, { body: body.slice(0, 100_000) });
    await world.restart();
    const status = await world.call(`GET ${location}`);
    assert.deepEqual([status.status, status.headers.get("range")], [204, "0-99999"]);
    await world.call(`PATCH ${location}`, { body: body.slice(100_000) });
    assert.equal((await world.call(`PUT ${location}?digest=${sha256(body)}`)).status, 201);
    await pull(sha256(body), body);
  });
  await t.step("sha512, announced or not", async () => {
    const body = variant("sha512");
    const location = await begin(world);
    await world.call(`PATCH ${location}`, { body });
    assert.equal((await world.call(`PUT ${location}?digest=${sha512(body)}`)).status, 201);
    await pull(sha512(body), body);
    const announced = await world.call(`POST /v2/${repository}/blobs/uploads/?digest-algorithm=sha512`);
    const put = `PUT ${announced.headers.get("location")}?digest=${sha512("announced")}`;
    assert.equal((await world.call(put, { body: "announced" })).status, 201);
  });
  await t.step("mounted from another repository; not without the right to pull there", async () => {
    const mount = `POST /v2/mcq/base/blobs/uploads/?mount=${digest}&from=${repository}`;
    const refused = await world.call(mount, { as: "mcq" });
    assert.equal(refused.status, 202, "an account that may not pull there uploads instead");
    assert.equal((await world.call(`HEAD /v2/mcq/base/blobs/${digest}`)).status, 404);
    const mounted = await world.call(mount);
    assert.equal(mounted.status, 201);
    assert.equal(mounted.headers.get("location"), `/v2/mcq/base/blobs/${digest}`);
    assert.ok((await world.call(`GET /v2/mcq/base/blobs/${digest}`)).text === content);
    const unknown = await world.call(`POST /v2/mcq/base/blobs/uploads/?mount=${sha256("no such")}&from=${repository}`);
    assert.equal(unknown.status, 202);
    assert.equal((await world.call(`POST /v2/mcq/base/blobs/uploads/?mount=${digest}`)).status, 202);
  });
  await t.step("only uploads begun and not finished are left on disk", () => {
    const left = [...Deno.readDirSync(`${world.folder}/data/uploads`)];
    assert.equal(left.length, 3, "the three mounts that became uploads");
  });
});

Deno.test("uploads refuse what doesn't fit, with the specification's codes", async () => {
  await using world = await registryUnderTest("[storage]\nmax_blob_bytes = 4194304\n");
  const location = await begin(world);
  const half = "x".repeat(100);
  await world.call(`PATCH ${location}`, { body: half });
  const other = "9c92a139-cbf4-4763-8e41-50c6bca2afba";
  const base = `/v2/${repository}/blobs/uploads`;
  const rows: [string, Record<string, string>, string | undefined, number, string][] = [
    // Out of order, behind, before, and not a range at all: OCI distribution 1.1, "Pushing a blob in chunks".
    [`PATCH ${location}`, { "content-range": "200-299" }, half, 416, "BLOB_UPLOAD_INVALID"],
    [`PATCH ${location}`, { "content-range": "0-99" }, half, 416, "BLOB_UPLOAD_INVALID"],
    [`PATCH ${location}`, { "content-range": "100-150" }, half, 416, "BLOB_UPLOAD_INVALID"],
    [`PATCH ${location}`, { "content-range": "abc" }, half, 416, "BLOB_UPLOAD_INVALID"],
    [`PUT ${location}?digest=${sha256(half + half)}`, { "content-range": "0-99" }, half, 416, "BLOB_UPLOAD_INVALID"],
    [`PUT ${location}`, {}, undefined, 400, "DIGEST_INVALID"],
    [`PUT ${location}?digest=sha256:abc`, {}, undefined, 400, "DIGEST_INVALID"],
    [`PUT ${location}?digest=md5:${"0".repeat(32)}`, {}, undefined, 400, "DIGEST_INVALID"],
    [`PATCH ${base}/${other}`, {}, half, 404, "BLOB_UPLOAD_UNKNOWN"],
    [`PUT ${base}/${other}?digest=${sha256("")}`, {}, undefined, 404, "BLOB_UPLOAD_UNKNOWN"],
    [`GET ${base}/..%2f..%2ftoken-key.jwk`, {}, undefined, 404, "BLOB_UPLOAD_UNKNOWN"],
    [`DELETE ${base}/${other}`, {}, undefined, 404, "BLOB_UPLOAD_UNKNOWN"],
    // The upload belongs to its repository.
    [`GET ${location.replace(repository, "other")}`, {}, undefined, 404, "BLOB_UPLOAD_UNKNOWN"],
    [`POST ${base}/?digest-algorithm=md5`, {}, undefined, 400, "DIGEST_INVALID"],
    [`POST ${base}/?digest=sha256:zz`, {}, half, 400, "DIGEST_INVALID"],
    [`POST /v2/${repository}/blobs/uploads/?mount=${sha256("")}&from=NOT+A+NAME`, {}, undefined, 400, "NAME_INVALID"],
    [`DELETE ${base}/`, {}, undefined, 405, "UNSUPPORTED"],
    [`PATCH ${location}`, {}, "x".repeat(4_194_304), 413, "SIZE_INVALID"],
  ];
  for (const [line, headers, body, status, code] of rows) {
    const answer = await world.call(line, { headers, ...(body === undefined ? {} : { body }) });
    assert.deepEqual(
      [answer.status, answer.code],
      [status, code],
      `${line} ${JSON.stringify(headers)}: ${answer.text}`,
    );
    if (status === 416) {
      assert.deepEqual([answer.headers.get("location"), answer.headers.get("range")], [location, "0-99"]);
    }
  }

  // The part before a body that is too large stays; a wrong digest at the end drops all.
  assert.equal((await world.call(`DELETE ${location}`)).status, 204);
  assert.equal((await world.call(`GET ${location}`)).status, 404);
  const second = await begin(world);
  const wrong = await world.call(`PUT ${second}?digest=${sha256("expected")}`, { body: "received" });
  assert.deepEqual([wrong.status, wrong.code], [400, "DIGEST_INVALID"]);
  assert.match(wrong.text, new RegExp(`The content is ${sha256("received")}, not ${sha256("expected")}`));
  assert.equal((await world.call(`GET ${second}`)).status, 404);
  assert.deepEqual([...Deno.readDirSync(`${world.folder}/data/uploads`)], []);
});

Deno.test("a client that dies inside a body leaves what it sent, and can go on from there", async () => {
  await using world = await registryUnderTest();
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  const location = await begin(world);
  // Asks without changing anything: 409 while another request writes, else 416 with the offset.
  const probe = () => world.call(`PATCH ${location}`, { body: "y", headers: { "content-range": "999999-999999" } });

  const { promise: death, resolve: die } = Promise.withResolvers<void>();
  const { promise: sent, resolve: isSent } = Promise.withResolvers<void>();
  const dying = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(content.subarray(0, 40_000)),
    async pull(controller) {
      isSent();
      await death;
      controller.error(new Error("the client dies"));
    },
  }, { highWaterMark: 0 });
  const broken = assert.rejects(world.call(`PATCH ${location}`, { body: dying }), /the client dies/);
  // A probe before it would be the one that writes, and this one be turned away.
  await sent;
  let answer = await probe();
  while (answer.status !== 409) answer = await probe();
  assert.equal(answer.code, "BLOB_UPLOAD_INVALID");

  die();
  await broken;
  while (answer.status === 409) answer = await probe();
  const [, last] = /^0-(\d+)$/.exec(answer.headers.get("range")!)!;
  assert.equal(Number(last), 39_999);
  const rest = { body: content.subarray(40_000), headers: { "content-range": "40000-59999" } };
  assert.equal((await world.call(`PUT ${location}?digest=${sha256(content)}`, rest)).status, 201);
  assert.deepEqual((await world.call(`GET /v2/${repository}/blobs/${sha256(content)}`)).bytes, content);
});

Deno.test("a full disk is 507 with the reason, and the half blob is gone", async () => {
  await using world = await registryUnderTest();
  const location = await begin(world);
  const file = `${world.folder}/data/uploads/${location.split("/").at(-1)}`;
  await Deno.remove(file);
  await Deno.symlink("/dev/full", file); // every write to it fails with ENOSPC
  const { status, code, text } = await world.call(`PATCH ${location}`, { body: "x".repeat(300_000) });
  assert.deepEqual([status, code], [507, "UNKNOWN"]);
  assert.match(text, /The registry's disk is full: the upload was dropped; free some space first/);
  assert.equal((await world.call(`GET ${location}`)).code, "BLOB_UPLOAD_UNKNOWN");
  assert.deepEqual([...Deno.readDirSync(`${world.folder}/data/uploads`)], []);
});

Deno.test("a blob whose file was removed or cut is unknown to those who push, who put it back", async () => {
  await using world = await registryUnderTest();
  const digest = await world.blob(repository, "content");
  const hex = digest.slice("sha256:".length);
  const file = `${world.folder}/data/layers/sha256/${hex.slice(0, 2)}/${hex}`;
  for (const damage of [() => Deno.removeSync(file), () => Deno.truncateSync(file, 3)]) {
    damage();
    assert.equal((await world.call(`HEAD /v2/${repository}/blobs/${digest}`)).status, 404);
    const mount = await world.call(`POST /v2/other/blobs/uploads/?mount=${digest}&from=${repository}`);
    assert.equal(mount.status, 202);
    await world.blob(repository, "content");
    assert.equal((await world.call(`GET /v2/${repository}/blobs/${digest}`)).text, "content");
  }
  Deno.removeSync(file);
  const lost = await world.call(`GET /v2/${repository}/blobs/${digest}`);
  assert.deepEqual([lost.status, lost.code], [500, "UNKNOWN"]);
  assert.match(lost.text, /is missing on the registry's disk: push it again/);
});

Deno.test("ranges and conditions of blobs follow RFC 9110", async () => {
  await using world = await registryUnderTest();
  const digest = await world.blob(repository, "0123456789");
  const etag = `"${digest}"`;
  const rows: [Record<string, string>, number, string, string | null][] = [
    [{ range: "bytes=0-3" }, 206, "0123", "bytes 0-3/10"],
    [{ range: "bytes=4-" }, 206, "456789", "bytes 4-9/10"],
    [{ range: "bytes=8-100" }, 206, "89", "bytes 8-9/10"],
    [{ range: "bytes=-3" }, 206, "789", "bytes 7-9/10"],
    [{ range: "bytes=-100" }, 206, "0123456789", "bytes 0-9/10"],
    [{ range: "bytes=10-" }, 416, "", "bytes */10"],
    [{ range: "bytes=-0" }, 416, "", "bytes */10"],
    [{ range: "bytes=5-2" }, 416, "", "bytes */10"],
    // What can't be understood is left alone, and so are several ranges.
    [{ range: "bytes=x-2" }, 200, "0123456789", null],
    [{ range: "bytes=0-1,4-5" }, 200, "0123456789", null],
    [{ range: "lines=0-1" }, 200, "0123456789", null],
    [{ range: "bytes=0-3", "if-range": etag }, 206, "0123", "bytes 0-3/10"],
    [{ range: "bytes=0-3", "if-range": '"other"' }, 200, "0123456789", null],
    [{ "if-none-match": etag }, 304, "", null],
  ];
  for (const [headers, status, text, range] of rows) {
    const answer = await world.call(`GET /v2/${repository}/blobs/${digest}`, { headers });
    assert.deepEqual([answer.status, answer.text, answer.headers.get("content-range")], [status, text, range]);
  }
  const head = await world.call(`HEAD /v2/${repository}/blobs/${digest}`);
  assert.deepEqual([head.status, head.text, head.headers.get("content-length")], [200, "", "10"]);
  const encoded = await world.call(`GET /v2/${repository}/blobs/${digest.replace(":", "%3A")}`);
  assert.equal(encoded.text, "0123456789");
});

Deno.test("what isn't there is told by its own code, and bad names are refused", async () => {
  await using world = await registryUnderTest();
  await world.blob(repository, "{}");
  const nothing = sha256("nothing");
  const rows: [string, number, string][] = [
    [`GET /v2/${repository}/manifests/v1`, 404, "MANIFEST_UNKNOWN"],
    [`GET /v2/${repository}/manifests/${nothing}`, 404, "MANIFEST_UNKNOWN"],
    // The conformance suite asks for a reference that can't exist and expects 404.
    [`GET /v2/${repository}/manifests/.INVALID_MANIFEST_NAME`, 404, "MANIFEST_UNKNOWN"],
    ["GET /v2/unknown/manifests/v1", 404, "NAME_UNKNOWN"],
    ["GET /v2/unknown/tags/list", 404, "NAME_UNKNOWN"],
    [`GET /v2/${repository}/blobs/${nothing}`, 404, "BLOB_UNKNOWN"],
    [`GET /v2/unknown/blobs/${nothing}`, 404, "BLOB_UNKNOWN"],
    [`GET /v2/${repository}/blobs/sha256:short`, 404, "BLOB_UNKNOWN"],
    [`DELETE /v2/${repository}/blobs/${nothing}`, 404, "BLOB_UNKNOWN"],
    [`DELETE /v2/${repository}/manifests/v1`, 404, "MANIFEST_UNKNOWN"],
    [`DELETE /v2/${repository}/manifests/${nothing}`, 404, "MANIFEST_UNKNOWN"],
    ["GET /v2/Upper/manifests/v1", 400, "NAME_INVALID"],
    ["GET /v2/a..b/manifests/v1", 400, "NAME_INVALID"],
    ["GET /v2/a%2f..%2fb/manifests/v1", 400, "NAME_INVALID"],
    ["GET /v2/-a/manifests/v1", 400, "NAME_INVALID"],
    ["GET /v2/a___b/manifests/v1", 400, "NAME_INVALID"],
    [`GET /v2/${"a/".repeat(128)}b/manifests/v1`, 400, "NAME_INVALID"],
    ["PUT /v2/a//b/manifests/v1", 400, "NAME_INVALID"],
    ["GET /v2/a/b", 404, "UNSUPPORTED"],
    ["GET /v2/manifests/v1", 404, "UNSUPPORTED"],
    ["POST /v2/a/manifests/v1", 405, "UNSUPPORTED"],
    ["PUT /v2/_catalog", 405, "UNSUPPORTED"],
    ["DELETE /v2/", 405, "UNSUPPORTED"],
  ];
  for (const [line, status, code] of rows) {
    const answer = await world.call(line);
    assert.deepEqual([answer.status, answer.code], [status, code], `${line}: ${answer.text}`);
  }
  const allow = (await world.call("POST /v2/a/manifests/v1")).headers.get("allow");
  assert.equal(allow, "GET, HEAD, PUT, DELETE");
});
