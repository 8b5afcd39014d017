/**
 * Pushing blobs: begin, send in one or many pieces, finish, cancel, mount.
 * OCI distribution 1.1, "Pushing blobs".
 *
 * A blob is acknowledged when its file is synced under its name and its row is committed, in this order: a crash
 * between leaves a file without a row, which the next push of the blob replaces.
 */
import { quote } from "@lib/errors/mod.ts";
import { parseChunkRange } from "../domain/byte_range.ts";
import {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  isAlgorithm,
  isDigest,
  parseDigest,
} from "../domain/digest.ts";
import { RegistryError, uploadUnknown } from "../domain/registry_error.ts";
import { parseRepositoryName, type RepositoryName } from "../domain/repository_name.ts";
import { covers, repositoryAccess } from "../domain/scope.ts";
import type { Stores } from "../store/stores.ts";
import type { Upload } from "../store/upload_store.ts";
import { empty } from "./answer.ts";
import type { Bearer } from "./registry_token.ts";

/** What every handler here is about. */
export interface UploadCall {
  readonly stores: Stores;
  readonly request: Request;
  readonly url: URL;
  readonly bearer: Bearer;
  readonly repository: RepositoryName;
}

/** POST: mounts, takes the whole blob at once, or begins an upload. */
export async function beginUpload(call: UploadCall): Promise<Response> {
  const { stores, url, bearer, repository, request } = call;
  const mount = url.searchParams.get("mount");
  if (mount !== null && await mountBlob(call, mount)) return created(repository, mount);

  const digestText = url.searchParams.get("digest");
  const digest = digestText === null || mount !== null ? null : parseDigest(digestText);
  const algorithm = digest === null ? wantedAlgorithm(url) : algorithmOf(digest);
  const id = crypto.randomUUID();
  // The file first: one without a row expires, a row without its file would have to be explained.
  await stores.uploadFiles.create(id, algorithm);
  stores.write((at) => stores.uploads.add({ id, repository, account: bearer.username, algorithm }, at));
  if (digest === null || request.body === null && !isEmpty(digest)) {
    return progress(202, repository, id, 0);
  }
  using _taken = stores.uploadFiles.take(id);
  try {
    await receive(call, id, 0);
    return await finish(call, id, digest);
  } catch (error) {
    // Nobody knows this upload's id, so nobody can go on with it.
    await drop(stores, id);
    throw error;
  }
}

/** GET: how far it is. */
export async function uploadStatus(call: UploadCall, id: string): Promise<Response> {
  const upload = find(call, id);
  return progress(204, call.repository, id, await call.stores.uploadFiles.offset(upload.id));
}

/** PATCH: the next piece. */
export async function appendChunk(call: UploadCall, id: string): Promise<Response> {
  const upload = find(call, id);
  using _taken = call.stores.uploadFiles.take(upload.id);
  const offset = await receive(call, id, await call.stores.uploadFiles.offset(id));
  return progress(202, call.repository, id, offset);
}

/** PUT: the last piece, if there is one left, and the digest of the whole. */
export async function finishUpload(call: UploadCall, id: string): Promise<Response> {
  const upload = find(call, id);
  const digest = parseDigest(call.url.searchParams.get("digest") ?? "");
  using _taken = call.stores.uploadFiles.take(upload.id);
  await receive(call, id, await call.stores.uploadFiles.offset(id));
  return await finish(call, id, digest);
}

/** DELETE: forgets it. */
export async function cancelUpload(call: UploadCall, id: string): Promise<Response> {
  const upload = find(call, id);
  using _taken = call.stores.uploadFiles.take(upload.id);
  await drop(call.stores, id);
  return empty(204);
}

function find({ stores, repository }: UploadCall, id: string): Upload {
  const upload = stores.uploads.find(id, repository);
  if (upload === null) throw uploadUnknown(id);
  return upload;
}

/** Appends the request's body after checking where it says it belongs. Returns the new offset. */
async function receive({ stores, request, repository }: UploadCall, id: string, offset: number): Promise<number> {
  const header = request.headers.get("content-range");
  const announced = request.headers.get("content-length");
  let expected: number | null = announced === null ? null : Number(announced);
  if (header !== null && (request.body !== null || expected !== 0)) {
    const range = parseChunkRange(header);
    const length = range === null ? 0 : range.end - range.start;
    if (range === null || range.start !== offset || (expected !== null && expected !== length)) {
      throw new RegistryError(
        "BLOB_UPLOAD_INVALID",
        `Content-Range ${quote(header)} does not fit: the next byte is ${offset}` +
          (announced === null ? "" : ` and the body has ${announced}`),
        { status: 416, headers: locationOf(repository, id, offset) },
      );
    }
    expected = length;
  }
  if (request.body === null) {
    if (expected) throw new RegistryError("SIZE_INVALID", `${expected} bytes were announced and none came`);
    return offset;
  }
  try {
    return await stores.uploadFiles.append(id, request.body, expected);
  } catch (error) {
    // The disk was full: the file is gone, and so is the row.
    if (error instanceof RegistryError && error.status === 507) await drop(stores, id);
    throw error;
  }
}

async function finish({ stores, repository }: UploadCall, id: string, digest: Digest): Promise<Response> {
  let size: number;
  try {
    size = await stores.uploadFiles.finish(id, digest);
  } catch (error) {
    if (error instanceof RegistryError && error.registryCode === "DIGEST_INVALID") await drop(stores, id);
    throw error;
  }
  stores.write((at) => {
    stores.blobs.add(stores.repositories.ensure(repository, at), digest, size, at);
    stores.uploads.delete(id);
  });
  return created(repository, digest);
}

async function drop(stores: Stores, id: string): Promise<void> {
  await stores.uploadFiles.remove(id);
  stores.write(() => stores.uploads.delete(id));
}

/**
 * Lets the repository have a blob of another one from which the account may
 * pull. Whatever stands in the way only means that the client uploads it.
 */
async function mountBlob(call: UploadCall, digestText: string): Promise<boolean> {
  const { stores, url, bearer, repository } = call;
  const from = url.searchParams.get("from");
  if (from === null || !isDigest(digestText)) return false;
  const source = parseRepositoryName(from);
  if (!covers(bearer.access, repositoryAccess(source, "pull"))) return false;
  const size = sizeIn(stores, source, digestText);
  if (size === null || !await stores.blobFiles.isWhole(digestText, size)) return false;
  return stores.write((at) => {
    // It may have been deleted there since.
    if (sizeIn(stores, source, digestText) === null) return false;
    stores.blobs.link(stores.repositories.ensure(repository, at), digestText, at);
    return true;
  });
}

function sizeIn(stores: Stores, repository: RepositoryName, digest: Digest): number | null {
  const id = stores.repositories.find(repository);
  return id === null ? null : stores.blobs.size(id, digest);
}

/** OCI distribution 1.1.1: a client that will finish with another digest may say so. */
function wantedAlgorithm(url: URL): DigestAlgorithm {
  const algorithm = url.searchParams.get("digest-algorithm") ?? "sha256";
  if (isAlgorithm(algorithm)) return algorithm;
  throw new RegistryError("DIGEST_INVALID", `digest-algorithm ${quote(algorithm)} is neither sha256 nor sha512`);
}

const emptyDigests: readonly string[] = [
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
];

/** A single POST of the blob of no bytes has no body either. */
function isEmpty(digest: Digest): boolean {
  return emptyDigests.includes(digest);
}

function progress(status: number, repository: RepositoryName, id: string, offset: number): Response {
  const headers = locationOf(repository, id, offset);
  return empty(status, status === 204 ? headers : { ...headers, "content-length": "0" });
}

function locationOf(repository: RepositoryName, id: string, offset: number): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    // Inclusive at both ends, so that no bytes can't be said; registries say 0-0 for it.
    range: `0-${Math.max(offset - 1, 0)}`,
    "docker-upload-uuid": id,
  };
}

function created(repository: RepositoryName, digest: string): Response {
  return empty(201, {
    location: `/v2/${repository}/blobs/${digest}`,
    "docker-content-digest": digest,
    "content-length": "0",
  });
}
