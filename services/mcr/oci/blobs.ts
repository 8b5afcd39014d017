/** Pulling and deleting blobs. OCI distribution 1.1, "Pulling blobs", "Deleting Blobs". */
import { parseRange } from "../domain/byte_range.ts";
import { type Digest, isDigest, parseDigest } from "../domain/digest.ts";
import { RegistryError } from "../domain/registry_error.ts";
import type { RepositoryName } from "../domain/repository_name.ts";
import type { Stores } from "../store/stores.ts";
import { content, empty } from "./answer.ts";
import type { Bearer } from "./registry_token.ts";

export async function pullBlob(
  stores: Stores,
  request: Request,
  repository: RepositoryName,
  digestText: string,
): Promise<Response> {
  if (!isDigest(digestText)) throw blobUnknown(repository, digestText);
  const digest = digestText;
  const size = sizeOf(stores, repository, digest);
  const etag = `"${digest}"`;
  const headers: Record<string, string> = {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    "accept-ranges": "bytes",
    etag,
    // What a digest names never changes; only the holder of the token may keep it.
    "cache-control": "private, max-age=31536000, immutable",
  };
  if (matches(request.headers.get("if-none-match"), etag)) return empty(304, { etag });
  if (request.method === "HEAD") {
    // Clients push what this says is unknown, and so put back a file that somebody removed or cut.
    if (!await stores.blobFiles.isWhole(digest, size)) throw blobUnknown(repository, digest);
    return content(200, null, size, headers);
  }

  // RFC 9110 §13.1.5: a range of something else than the client has part of would be worthless.
  const condition = request.headers.get("if-range");
  const wanted = condition === null || condition === etag ? request.headers.get("range") : null;
  const range = parseRange(wanted, size);
  if (range === "unsatisfiable") {
    return empty(416, { "content-range": `bytes */${size}`, "content-length": "0" });
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== null) headers["content-range"] = `bytes ${start}-${end - 1}/${size}`;
  const body = await stores.blobFiles.read(digest, { start, end }).catch((cause) => {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new RegistryError("UNKNOWN", `The file of blob ${digest} is missing on the registry's disk: push it again`, {
      cause,
    });
  });
  return content(range === null ? 200 : 206, body, end - start, headers);
}

/**
 * Takes a blob from the repository. One that a manifest there needs stays, so
 * that what can be pulled is always whole. The file stays on disk: other
 * repositories may have it, and a push in progress may count on it.
 */
export function deleteBlob(
  stores: Stores,
  bearer: Bearer,
  remote: string,
  repository: RepositoryName,
  digestText: string,
): Response {
  const digest = parseDigest(digestText);
  stores.write((at) => {
    const id = stores.repositories.find(repository);
    if (id === null || stores.blobs.size(id, digest) === null) throw blobUnknown(repository, digest);
    const user = stores.blobs.user(id, digest);
    if (user !== null) {
      throw new RegistryError("UNSUPPORTED", `Manifest ${user} needs blob ${digest}: delete the manifest first`, {
        detail: { digest, manifest: user },
      });
    }
    stores.blobs.unlink(id, digest);
    stores.audit.record(at, {
      actor: bearer.username,
      remote,
      action: "blob.delete",
      target: `${repository}@${digest}`,
    });
  });
  return empty(202, { "content-length": "0" });
}

function sizeOf(stores: Stores, repository: RepositoryName, digest: Digest): number {
  const id = stores.repositories.find(repository);
  const size = id === null ? null : stores.blobs.size(id, digest);
  if (size === null) throw blobUnknown(repository, digest);
  return size;
}

function blobUnknown(repository: RepositoryName, digest: string): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", `No blob ${digest.slice(0, 140)} in repository "${repository}"`, {
    detail: { digest },
  });
}

/** RFC 9110 §13.1.2, for strong tags. */
export function matches(header: string | null, etag: string): boolean {
  return header !== null && header.split(",").some((one) => one.trim() === etag || one.trim() === "*");
}
