import { join } from "node:path";
import { invalid, messageOf, notFound, quote } from "@lib/errors/mod.ts";
import { type Declaration, defaultDeclaration, parseDeclaration } from "@lib/sandbox/mod.ts";

/** A program on this node, unpacked: `<bundles>/<sha256>/` with `bundle.json` and its entry. */
export interface Bundle {
  /** SHA-256, hex: the folder's name. */
  readonly sha256: string;
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** What it does to the outside, by its own declaration; the default one grants its routes' ports. */
  readonly declaration: Declaration;
  /** Its config's defaults, below what its config file says. */
  readonly configDefaults: Readonly<Record<string, unknown>>;
  /** Absolute path of the JavaScript file that is run. */
  readonly entry: string;
}

/** Reads the description of a node's bundle. @throws PlatformError not_found, invalid */
export function readBundle(bundlesDir: string, sha256: string): Bundle {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw invalid("bundle", `must be 64 hex digits, got ${quote(sha256)}`);
  return readBundleFolder(join(bundlesDir, sha256), sha256);
}

/** Reads an unpacked bundle's own description. @param sha256 what to call it in errors. @throws as readBundle */
export function readBundleFolder(folder: string, sha256: string): Bundle {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(folder, "bundle.json"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw notFound("bundle", sha256, { hint: `${folder} is missing; deploy the service again` });
  }
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw invalid("bundle.json", `of ${sha256} is not JSON: ${messageOf(error)}`);
  }
  const { name, version, entry = "main.js", declaration, config_defaults: configDefaults = {} } = given;
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    throw invalid("bundle.json", `has no good name, got ${quote(name)}`);
  }
  if (typeof version !== "string" || !/^[A-Za-z0-9._+-]{1,128}$/.test(version)) {
    throw invalid("bundle.json", `has no good version, got ${quote(version)}`);
  }
  if (typeof entry !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9._-]*\.(?:js|mjs)$/.test(entry)) {
    throw invalid("bundle.json", `must name a JavaScript file of the bundle as its entry, got ${quote(entry)}`);
  }
  if (typeof configDefaults !== "object" || configDefaults === null || Array.isArray(configDefaults)) {
    throw invalid("bundle.json", "config_defaults must be an object");
  }
  return {
    sha256,
    folder,
    name,
    version,
    declaration: declaration === undefined || declaration === null
      ? defaultDeclaration(name)
      : parseDeclaration(declaration),
    configDefaults: configDefaults as Record<string, unknown>,
    entry: join(folder, entry),
  };
}
