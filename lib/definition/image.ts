import { invalid, quote } from "@lib/errors/mod.ts";

/**
 * What a component runs: an image in a registry, by explicit tag or digest, or, in the node's own
 * platform definitions, a bundle that the bootstrap laid down.
 */
export type ImageReference =
  | {
    readonly kind: "registry";
    /** "host:port" as written. */
    readonly registry: string;
    readonly repository: string;
    readonly tag: string | null;
    /** "sha256:…". */
    readonly digest: string | null;
  }
  | {
    readonly kind: "bundle";
    /** SHA-256, hex: the folder's name. */
    readonly sha256: string;
  };

/** The reference as it is written in a definition. */
export function imageText(image: ImageReference): string {
  if (image.kind === "bundle") return `bundle:${image.sha256}`;
  const { registry, repository, tag, digest } = image;
  return `${registry}/${repository}${tag === null ? "" : `:${tag}`}${digest === null ? "" : `@${digest}`}`;
}

/**
 * Reads `host[:port]/path/name:tag`, `…@sha256:…` or `bundle:<sha256>`.
 * Throws Invalid on `field`: no tag, the tag `latest`, no registry, bad characters,
 * or a bundle where `allowBundles` is not set.
 */
export function parseImage(text: string, field: string, allowBundles = false): ImageReference {
  if (text.startsWith("bundle:")) {
    const sha256 = text.slice("bundle:".length);
    if (!allowBundles) {
      throw invalid(field, `names a bundle on the node, ${quote(text)}`, {
        hint: "Only the node's own platform definitions may; name an image in the registry",
      });
    }
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw invalid(field, `must be "bundle:" and 64 hex digits, got ${quote(text)}`);
    return { kind: "bundle", sha256 };
  }
  const [head = "", digest = null, more] = text.split("@");
  if (more !== undefined || (digest !== null && !/^sha256:[0-9a-f]{64}$/.test(digest))) {
    throw invalid(field, `must have a digest like sha256:<64 hex digits> after "@", got ${quote(text)}`);
  }
  const slash = head.indexOf("/");
  const registry = slash < 0 ? "" : head.slice(0, slash);
  if (!/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?$/.test(registry) || !/[.:]|^localhost$/.test(registry)) {
    throw invalid(field, `must start with a registry's host, got ${quote(text)}`, {
      hint: 'Write it as "registry.example.org:8443/name:v1.0.0"',
    });
  }
  const rest = head.slice(slash + 1);
  const colon = rest.indexOf(":");
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? null : rest.slice(colon + 1);
  // The grammars of names and tags: OCI distribution spec 1.1, "Pulling manifests".
  const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
  if (repository.length > 255 || !new RegExp(`^${component}(?:/${component})*$`).test(repository)) {
    throw invalid(field, `must name a repository in lower case, got ${quote(text)}`);
  }
  if (tag !== null && !/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(tag)) {
    throw invalid(field, `has a bad tag, got ${quote(text)}`);
  }
  if (tag === null && digest === null) {
    throw invalid(field, `has no tag, got ${quote(text)}`, { hint: 'Name a version, e.g. ":v1.0.0"' });
  }
  if (tag === "latest" && digest === null) {
    throw invalid(field, `has the tag "latest", which says nothing about what will run: ${quote(text)}`, {
      hint: 'Name a version, e.g. ":v1.0.0"',
    });
  }
  return { kind: "registry", registry, repository, tag, digest };
}
