/**
 * What the registry needs to know of a manifest: its type, what it refers to,
 * and what it is attached to. The bytes themselves are kept as they came.
 */
import { quote } from "@lib/errors/mod.ts";
import { type Digest, isDigest } from "./digest.ts";
import { nestsDeeperThan } from "./json_depth.ts";
import { RegistryError } from "./registry_error.ts";

export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

const imageTypes: readonly string[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];
const indexTypes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];

/** OCI distribution 1.1, "Pushing Manifests": registries should take at least 4 megabytes; we take exactly 4 MiB. */
export const maxManifestBytes = 4 * 1024 * 1024;
/** A manifest of the specification nests five deep; annotations and platform features add nothing. */
const maxDepth = 32;
/** A registry row per reference; buildx's largest caches have some hundreds. */
const maxReferences = 10_000;

/** A reference to content. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** The content is fetched from elsewhere (`urls`), so this registry need not have it. */
  readonly external: boolean;
}

export interface Manifest {
  readonly mediaType: string;
  /** Its own, or for an image manifest without one its config's media type; null for an index without one. */
  readonly artifactType: string | null;
  /** Config and layers. */
  readonly blobs: readonly Descriptor[];
  /** What an index lists. */
  readonly children: readonly Descriptor[];
  /** What it is attached to; that need not exist. */
  readonly subject: Digest | null;
  readonly annotations: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a manifest.
 * @param contentType the request's Content-Type without parameters; "" when it has none
 * @throws RegistryError MANIFEST_INVALID with the field and the rule
 */
export function parseManifest(text: string, contentType: string): Manifest {
  const json = parseJson(text);
  const mediaType = typeOf(json, contentType);
  if (json.schemaVersion !== 2) throw wrong("schemaVersion", `must be 2, got ${quote(json.schemaVersion)}`);
  const isImage = imageTypes.includes(mediaType);

  const config = isImage ? descriptor(json.config, "config") : null;
  const layers = isImage ? descriptors(json.layers, "layers") : [];
  const children = isImage ? [] : descriptors(json.manifests, "manifests");
  // OCI image-spec: an index never has layers, a manifest never has manifests; a document with both would be
  // read differently by different clients.
  if (isImage && json.manifests !== undefined) throw wrong("manifests", "must not be in an image manifest");
  if (!isImage && json.layers !== undefined) throw wrong("layers", "must not be in an index");

  const ownType = optionalText(json.artifactType, "artifactType");
  return {
    mediaType,
    artifactType: ownType ?? config?.mediaType ?? null,
    blobs: config === null ? [] : [config, ...layers],
    children,
    subject: json.subject === undefined || json.subject === null ? null : descriptor(json.subject, "subject").digest,
    annotations: annotationsOf(json.annotations),
  };
}

function parseJson(text: string): Json {
  if (nestsDeeperThan(text, maxDepth)) throw wrong("manifest", `nests deeper than ${maxDepth} levels`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw wrong("manifest", `is not JSON: ${(cause as Error).message}`);
  }
  return object(json, "manifest");
}

function typeOf(json: Json, contentType: string): string {
  const declared = optionalText(json.mediaType, "mediaType");
  // OCI distribution 1.1, "Pushing Manifests": the header must be what the field says.
  if (declared !== null && contentType !== "" && declared !== contentType) {
    throw wrong("mediaType", `is ${quote(declared)}, but the Content-Type is ${quote(contentType)}`);
  }
  const mediaType = contentType === "" ? declared : contentType;
  if (mediaType === null) throw wrong("mediaType", "is missing, and so is the Content-Type");
  if (!imageTypes.includes(mediaType) && !indexTypes.includes(mediaType)) {
    throw wrong("mediaType", `${quote(mediaType)} is not accepted; use one of ${Object.values(mediaTypes).join(", ")}`);
  }
  return mediaType;
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (!Array.isArray(value)) throw wrong(field, "must be a list of descriptors");
  if (value.length > maxReferences) throw wrong(field, `has ${value.length} entries, at most ${maxReferences}`);
  return value.map((item, index) => descriptor(item, `${field}[${index}]`));
}

function descriptor(value: unknown, field: string): Descriptor {
  const { mediaType, digest, size, urls } = object(value, field);
  if (typeof mediaType !== "string" || mediaType === "") throw wrong(`${field}.mediaType`, "must be a media type");
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw wrong(`${field}.digest`, `must be a sha256 or sha512 digest, got ${quote(digest)}`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw wrong(`${field}.size`, `must be a count of bytes, got ${quote(size)}`);
  }
  return { mediaType, digest, size, external: Array.isArray(urls) && urls.length > 0 };
}

function annotationsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  const annotations = object(value, "annotations");
  for (const [key, text] of Object.entries(annotations)) {
    if (typeof text !== "string") throw wrong(`annotations.${quote(key)}`, "must be a string");
  }
  return annotations as Record<string, string>;
}

function optionalText(value: unknown, field: string): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value !== "string") throw wrong(field, `must be a string, got ${quote(value)}`);
  return value;
}

function object(value: unknown, field: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(field, "must be an object");
  return value as Json;
}

function wrong(field: string, why: string): RegistryError {
  return new RegistryError("MANIFEST_INVALID", `${field}: ${why}`, { field });
}
