import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { BlobFiles } from "./blob_files.ts";
import type { Digest } from "../domain/digest.ts";
import { UploadFiles } from "./upload_files.ts";

const encoder = new TextEncoder();
const digestOf = (text: string, algorithm: "sha256" | "sha512" = "sha256"): Digest =>
  `${algorithm}:${createHash(algorithm).update(text).digest("hex")}`;
const stream = (...parts: string[]) => ReadableStream.from(parts.map((part) => encoder.encode(part)));

interface Folder extends AsyncDisposable {
  path: string;
  blobs: BlobFiles;
  /** As a process that has just started has them. */
  uploads(maxBytes?: number): UploadFiles;
}

async function folder(): Promise<Folder> {
  const path = await Deno.makeTempDir();
  for (const name of ["layers", "uploads"]) await Deno.mkdir(`${path}/${name}`);
  const blobs = new BlobFiles(`${path}/layers`);
  return {
    path,
    blobs,
    uploads: (maxBytes = 1e6) => new UploadFiles(`${path}/uploads`, blobs, maxBytes),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

async function read(blobs: BlobFiles, digest: Digest, start: number, end: number): Promise<string> {
  return await new Response(await blobs.read(digest, { start, end })).text();
}

Deno.test("UploadFiles.finish makes a blob of what was appended, whoever hashed it", async () => {
  await using at = await folder();
  const files = at.uploads();
  await files.create("u", "sha256");
  assert.equal(await files.append("u", stream("one ", "two "), null), 8);
  // Another process goes on with it, then the first finishes: its own hash lacks the middle.
  assert.equal(await at.uploads().append("u", stream("three "), 6), 14);
  assert.equal(await files.append("u", stream("four"), null), 18);
  const digest = digestOf("one two three four");
  assert.equal(await files.finish("u", digest), 18);
  assert.equal(await read(at.blobs, digest, 0, 18), "one two three four");
  assert.equal(await read(at.blobs, digest, 4, 7), "two");
  assert.deepEqual([...Deno.readDirSync(`${at.path}/uploads`)], []);
  const hex = digest.slice("sha256:".length);
  assert.equal((await Deno.stat(`${at.path}/layers/sha256/${hex.slice(0, 2)}/${hex}`)).mode! & 0o777, 0o600);

  // The same blob again, by an upload hashed otherwise.
  await files.create("v", "sha512");
  await files.append("v", stream("one two three four"), null);
  assert.equal(await files.finish("v", digest), 18);
});

Deno.test("UploadFiles.finish drops an upload of another digest", async () => {
  await using at = await folder();
  const files = at.uploads();
  await files.create("u", "sha256");
  await files.append("u", stream("received"), null);
  await assert.rejects(files.finish("u", digestOf("expected")), { registryCode: "DIGEST_INVALID", status: 400 });
  await assert.rejects(files.offset("u"), { registryCode: "BLOB_UPLOAD_UNKNOWN" });
  assert.deepEqual([...Deno.readDirSync(`${at.path}/layers`)], []);
});

Deno.test("UploadFiles.append keeps what came before the body broke off, and takes back a body of a wrong length", async () => {
  await using at = await folder();
  const files = at.uploads();
  await files.create("u", "sha256");
  const parts = ["arrived", null];
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = parts.shift();
      if (part) controller.enqueue(encoder.encode(part));
      else controller.error(new Error("gone"));
    },
  }, { highWaterMark: 0 });
  await assert.rejects(files.append("u", broken, null), /gone/);
  assert.equal(await files.offset("u"), 7);
  await assert.rejects(files.append("u", stream("four"), 5), { registryCode: "SIZE_INVALID" });
  await assert.rejects(files.append("u", stream("four"), 3), { registryCode: "SIZE_INVALID" });
  assert.equal(await files.offset("u"), 7);
  await files.append("u", stream("!"), 1);
  await files.finish("u", digestOf("arrived!"));
});

Deno.test("UploadFiles.append refuses a blob over the limit and says when the disk is full, leaving nothing", async () => {
  await using at = await folder();
  const files = at.uploads(10);
  await files.create("u", "sha256");
  await files.append("u", stream("0123456789"), null);
  await assert.rejects(files.append("u", stream("x"), null), { code: "too_large" });
  assert.equal(await files.offset("u"), 10);

  await files.create("full", "sha256");
  await Deno.remove(`${at.path}/uploads/full`);
  await Deno.symlink("/dev/full", `${at.path}/uploads/full`); // every write to it fails with ENOSPC
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
    cancel: () => void (cancelled = true),
  });
  await assert.rejects(at.uploads().append("full", endless, null), (error: Error & { status?: number }) => {
    assert.match(error.message, /The registry's disk is full: the upload was dropped/);
    assert.equal(error.status, 507);
    return true;
  });
  assert.ok(cancelled);
  assert.deepEqual([...Deno.readDirSync(`${at.path}/uploads`)].map(({ name }) => name), ["u"]);
});

Deno.test("UploadFiles.take lets one request write at a time", async () => {
  await using at = await folder();
  const files = at.uploads();
  {
    using _taken = files.take("u");
    assert.throws(() => files.take("u"), { registryCode: "BLOB_UPLOAD_INVALID", status: 409 });
    files.take("v")[Symbol.dispose]();
  }
  files.take("u")[Symbol.dispose]();
});

Deno.test("BlobFiles.read fails before the first byte for a missing file, and inside for one that is too short", async () => {
  await using at = await folder();
  const digest = digestOf("x");
  await assert.rejects(at.blobs.read(digest, { start: 0, end: 1 }), Deno.errors.NotFound);
  await Deno.writeTextFile(`${at.path}/x`, "x");
  await at.blobs.adopt(`${at.path}/x`, digest);
  await assert.rejects(read(at.blobs, digest, 0, 2), /1 bytes shorter on disk/);
  assert.equal(await read(at.blobs, digest, 1, 1), "");
  await (await at.blobs.read(digest, { start: 0, end: 1 })).cancel();
});
