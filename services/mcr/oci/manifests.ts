/** Manifests: pull, push, delete. OCI distribution 1.1, "Pulling manifests", "Pushing Manifests", "Deleting". */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { quote } from "@lib/errors/mod.ts";
import { algorithmOf, type Digest } from "../domain/digest.ts";
import { type Manifest, maxManifestBytes, parseManifest } from "../domain/manifest.ts";
import { parseReference, type Reference } from "../domain/reference.ts";
import { RegistryError } from "../domain/registry_error.ts";
import type { RepositoryName } from "../domain/repository_name.ts";
import type { StoredManifest } from "../store/manifest_store.ts";
import type { Stores } from "../store/stores.ts";
import { content, empty } from "./answer.ts";
import { matches } from "./blobs.ts";
import { unknownRepository } from "./listings.ts";
import type { Bearer } from "./registry_token.ts";

export function pullManifest(
  stores: Stores,
  request: Request,
  repository: RepositoryName,
  referenceText: string,
): Response {
  const found = find(stores, repository, referenceText);
  const etag = `"${found.digest}"`;
  if (matches(request.headers.get("if-none-match"), etag)) return empty(304, { etag });
  const headers = { "content-type": found.mediaType, "docker-content-digest": found.digest, etag };
  const body = request.method === "HEAD" ? null : stores.manifests.body(found.id);
  return content(200, body, found.size, headers);
}

export async function pushManifest(
  stores: Stores,
  request: Request,
  bearer: Bearer,
  remote: string,
  repository: RepositoryName,
  referenceText: string,
): Promise<Response> {
  const reference = parseReference(referenceText);
  if (reference === null) {
    throw new RegistryError("MANIFEST_INVALID", `${quote(referenceText)} is neither a tag nor a digest`, {
      field: "reference",
    });
  }
  const body = await readBody(request);
  const digest = verifiedDigest(body, reference);
  const contentType = (request.headers.get("content-type") ?? "").split(";", 1)[0]!.trim();
  const manifest = parseManifest(decodeText(body), contentType);

  stores.write((at) => {
    const repositoryId = stores.repositories.ensure(repository, at);
    requireReferences(stores, repositoryId, repository, manifest);
    const id = stores.manifests.add({ repositoryId, digest, manifest, body, pushedBy: bearer.username }, at);
    if ("tag" in reference) stores.tags.put(repositoryId, reference.tag, id, bearer.username, at);
    stores.audit.record(at, {
      actor: bearer.username,
      remote,
      action: "push",
      target: `${repository}${"tag" in reference ? ":" : "@"}${referenceText}`,
      detail: digest,
    });
  });
  return empty(201, {
    location: `/v2/${repository}/manifests/${digest}`,
    "docker-content-digest": digest,
    "content-length": "0",
    // Says that the referrers list knows it now, so that clients needn't keep one under a tag.
    ...(manifest.subject === null ? {} : { "oci-subject": manifest.subject }),
  });
}

/** By tag: the tag alone. By digest: the manifest with every tag on it. */
export function deleteManifest(
  stores: Stores,
  bearer: Bearer,
  remote: string,
  repository: RepositoryName,
  referenceText: string,
): Response {
  stores.write((at) => {
    const found = find(stores, repository, referenceText);
    const repositoryId = stores.repositories.ensure(repository, at);
    const reference = parseReference(referenceText)!;
    if ("tag" in reference) stores.tags.delete(repositoryId, reference.tag);
    else stores.manifests.delete(found.id);
    stores.audit.record(at, {
      actor: bearer.username,
      remote,
      action: "tag" in reference ? "tag.delete" : "manifest.delete",
      target: `${repository}${"tag" in reference ? ":" : "@"}${referenceText}`,
      detail: found.digest,
    });
  });
  return empty(202, { "content-length": "0" });
}

/** @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN; a reference that can't exist is unknown, not malformed */
function find(stores: Stores, repository: RepositoryName, referenceText: string): StoredManifest {
  const repositoryId = stores.repositories.find(repository);
  if (repositoryId === null) throw unknownRepository(repository);
  const reference = parseReference(referenceText);
  const found = reference === null
    ? null
    : "tag" in reference
    ? stores.manifests.byTag(repositoryId, reference.tag)
    : stores.manifests.byDigest(repositoryId, reference.digest);
  if (found !== null) return found;
  throw new RegistryError("MANIFEST_UNKNOWN", `No manifest ${quote(referenceText)} in repository "${repository}"`, {
    detail: { name: repository, reference: referenceText.slice(0, 140) },
  });
}

async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = () =>
    new RegistryError("MANIFEST_INVALID", `The manifest is larger than ${maxManifestBytes} bytes`, { status: 413 });
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxManifestBytes) throw refuse();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxManifestBytes) throw refuse();
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

function verifiedDigest(body: Uint8Array, reference: Reference): Digest {
  const algorithm = "digest" in reference ? algorithmOf(reference.digest) : "sha256";
  const digest: Digest = `${algorithm}:${createHash(algorithm).update(body).digest("hex")}`;
  if ("digest" in reference && reference.digest !== digest) {
    throw new RegistryError("DIGEST_INVALID", `The manifest is ${digest}, not ${reference.digest}`, {
      field: "digest",
      detail: { digest: reference.digest, actual: digest },
    });
  }
  return digest;
}

function decodeText(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new RegistryError("MANIFEST_INVALID", "manifest: is not UTF-8", { field: "manifest" });
  }
}

/** Everything that a manifest names must be in its repository, of the size that it says. */
function requireReferences(stores: Stores, repositoryId: number, repository: RepositoryName, manifest: Manifest): void {
  const problems: RegistryError[] = [];
  const unknown = (digest: Digest, what: string) =>
    problems.push(
      new RegistryError(
        "MANIFEST_BLOB_UNKNOWN",
        `${what} ${digest} is not in repository "${repository}": push it first`,
        {
          detail: { digest },
        },
      ),
    );
  const wrongSize = (digest: Digest, said: number, actual: number) =>
    problems.push(
      new RegistryError("MANIFEST_INVALID", `The manifest says that ${digest} has ${said} bytes; it has ${actual}`, {
        detail: { digest },
      }),
    );
  for (const { digest, size, external } of manifest.blobs) {
    const actual = stores.blobs.size(repositoryId, digest);
    if (actual === null) {
      if (!external) unknown(digest, "Blob");
    } else if (actual !== size) wrongSize(digest, size, actual);
  }
  for (const { digest, size } of manifest.children) {
    // Build caches list layers in an index, so a blob will do where a manifest is expected.
    const actual = stores.manifests.byDigest(repositoryId, digest)?.size ?? stores.blobs.size(repositoryId, digest);
    if (actual === null) unknown(digest, "Manifest");
    else if (actual !== size) wrongSize(digest, size, actual);
  }
  const [first, ...also] = problems;
  if (first === undefined) return;
  // Each answer names at most a hundred: a client has to push them all anyway.
  throw new RegistryError(first.registryCode, first.message, { detail: first.detail, also: also.slice(0, 99) });
}
