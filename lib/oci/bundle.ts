/**
 * Deno bundles as OCI artifacts: a config that says what the program is and
 * needs, and one tar.zst layer with its JavaScript and assets.
 */
import { defaultFileLimits, packFiles, unpackFiles } from "@lib/archive/mod.ts";
import { conflict, invalid, messageOf, quote, tooLarge } from "@lib/errors/mod.ts";
import { type CallOptions, type Descriptor, type RegistryClient } from "./registry_client.ts";

export const bundleTypes = {
  artifact: "application/vnd.metacircular.deno.v1",
  config: "application/vnd.metacircular.deno.config.v1+json",
  layer: "application/vnd.metacircular.deno.bundle.v1.tar+zstd",
} as const;

const manifestType = "application/vnd.oci.image.manifest.v1+json";
/** A bundle of the platform has 1–3 MB compressed; it is held in memory. */
const maxLayerBytes = 256 * 1024 * 1024;
const maxConfigBytes = 1024 * 1024;

/** What a bundle says about its program. */
export interface BundleConfig {
  name: string;
  version: string;
  /** The program's sandbox declaration; check it with `parseDeclaration` of lib/sandbox. */
  declaration: Record<string, unknown>;
  /** Its config's defaults, sections of keys: what the declaration's dotted keys lead to when the TOML is silent. */
  config_defaults: Record<string, unknown>;
  /** The file to run, "main.js". */
  entry: string;
}

export interface PushedBundle {
  /** The manifest's. */
  digest: string;
}

export interface PulledBundle extends PushedBundle {
  config: BundleConfig;
  files: Map<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Pushes a bundle and tags it. The same bundle always has the same digest, and
 * pushing it again changes nothing.
 * @throws PlatformError invalid when the entry is not among the files; else as `RegistryClient`
 */
export async function pushBundle(
  client: RegistryClient,
  bundle: {
    repository: string;
    tag: string;
    config: BundleConfig;
    files: ReadonlyMap<string, Uint8Array>;
  },
  options: CallOptions = {},
): Promise<PushedBundle> {
  const { repository, tag, files } = bundle;
  const config = checkConfig(bundle.config, files);
  const configBytes = new TextEncoder().encode(JSON.stringify(config));
  const configDescriptor = await client.pushBlob(repository, bundleTypes.config, configBytes, options);
  const layer = await client.pushBlob(repository, bundleTypes.layer, await packFiles(files), options);
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: bundleTypes.artifact,
    config: configDescriptor,
    layers: [layer],
    annotations: {
      "org.opencontainers.image.title": config.name,
      "org.opencontainers.image.version": config.version,
    },
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return { digest: await client.putManifest(repository, tag, manifestType, bytes, options) };
}

/**
 * Pulls a bundle, every part verified against its digest.
 * @param wanted `reference` is a tag or a digest; with `digest` too, the manifest must be that one
 * @throws PlatformError conflict for a wrong digest; invalid when it is no Deno bundle; else as `RegistryClient`
 */
export async function pullBundle(
  client: RegistryClient,
  wanted: { repository: string; reference: string; digest?: string | null },
  options: CallOptions = {},
): Promise<PulledBundle> {
  const { repository, reference } = wanted;
  const name = `${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
  const manifest = await client.getManifest(repository, reference, [manifestType], options);
  if (wanted.digest && wanted.digest !== manifest.digest) {
    throw conflict(`Image ${name} is ${manifest.digest}, not ${wanted.digest} as the definition says`, {
      hint: "The tag was moved, or the definition's digest is wrong; take out the digest or write the right one",
    });
  }
  const { config, layer } = readManifest(manifest.bytes, name);
  if (config.size > maxConfigBytes) throw tooLarge(`The config of bundle ${name}`, maxConfigBytes);
  if (layer.size > maxLayerBytes) throw tooLarge(`The layer of bundle ${name}`, maxLayerBytes);
  const configBytes = await client.getBlob(repository, config, options);
  const files = await unpackFiles(await client.getBlob(repository, layer, options), defaultFileLimits);
  return { digest: manifest.digest, config: checkConfig(parseJson(configBytes, `Config of ${name}`), files), files };
}

function readManifest(bytes: Uint8Array, name: string): { config: Descriptor; layer: Descriptor } {
  const { artifactType, config, layers } = parseJson(bytes, `Manifest of ${name}`) as {
    artifactType?: unknown;
    config?: unknown;
    layers?: unknown;
  };
  if (artifactType !== bundleTypes.artifact) {
    throw invalid("image", `${quote(name)} is of type ${quote(artifactType ?? "image")}, not ${bundleTypes.artifact}`, {
      hint: 'Run a container image with runtime = "podman"',
    });
  }
  const list = Array.isArray(layers) ? layers : [];
  if (list.length !== 1) throw invalid("image", `${quote(name)} has ${list.length} layers; a Deno bundle has one`);
  return {
    config: descriptor(config, bundleTypes.config, name),
    layer: descriptor(list[0], bundleTypes.layer, name),
  };
}

function descriptor(value: unknown, type: string, name: string): Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Record<string, unknown>;
  if (mediaType !== type) throw invalid("image", `${quote(name)} holds a ${quote(mediaType)} where ${type} belongs`);
  if (typeof digest !== "string" || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw invalid("image", `${quote(name)} has a descriptor without digest or size`);
  }
  return { mediaType, digest, size };
}

function checkConfig(value: unknown, files: ReadonlyMap<string, unknown>): BundleConfig {
  const { name, version, declaration, config_defaults, entry } = (value ?? {}) as Partial<BundleConfig>;
  for (const [field, text] of Object.entries({ name, version, entry })) {
    if (typeof text !== "string" || text === "") throw invalid(`bundle.${field}`, `must be a text, got ${quote(text)}`);
  }
  for (const [field, object] of Object.entries({ declaration, config_defaults })) {
    if (typeof object !== "object" || object === null || Array.isArray(object)) {
      throw invalid(`bundle.${field}`, "must be an object");
    }
  }
  if (!files.has(entry!)) throw invalid("bundle.entry", `${quote(entry)} is not among the bundle's files`);
  return {
    name: name!,
    version: version!,
    declaration: declaration!,
    config_defaults: config_defaults!,
    entry: entry!,
  };
}

function parseJson(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw invalid("image", `${what} is not JSON: ${messageOf(cause)}`, { cause });
  }
  throw invalid("image", `${what} is not a JSON object`);
}
