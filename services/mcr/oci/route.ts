/** From a request's path to what it is about. OCI distribution 1.1, "Endpoints". */
import { parseRepositoryName, type RepositoryName } from "../domain/repository_name.ts";

export type Route =
  | { readonly kind: "base" | "token" | "catalog" }
  | { readonly kind: "tags"; readonly repository: RepositoryName }
  | { readonly kind: "uploads"; readonly repository: RepositoryName }
  | { readonly kind: "manifest"; readonly repository: RepositoryName; readonly reference: string }
  | { readonly kind: "blob" | "referrers"; readonly repository: RepositoryName; readonly digest: string }
  | { readonly kind: "upload"; readonly repository: RepositoryName; readonly id: string };

/** The verbs that each kind of path knows, for 405 and its Allow header. */
export const methods: Readonly<Record<Route["kind"], readonly string[]>> = {
  base: ["GET", "HEAD"],
  token: ["GET", "POST"],
  catalog: ["GET"],
  tags: ["GET"],
  uploads: ["POST"],
  upload: ["GET", "PATCH", "PUT", "DELETE"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  referrers: ["GET"],
};

/**
 * Null for a path that is no registry path. A name is everything before the last
 * part that fits, so that repositories may be called "x/blobs" too.
 * @throws RegistryError NAME_INVALID
 */
export function parseRoute(pathname: string): Route | null {
  if (pathname === "/v2" || pathname === "/v2/") return { kind: "base" };
  if (pathname === "/v2/token") return { kind: "token" };
  if (pathname === "/v2/_catalog") return { kind: "catalog" };
  const rest = /^\/v2\/(.*)$/s.exec(pathname)?.[1];
  if (rest === undefined) return null;

  let match = /^(.+)\/tags\/list$/s.exec(rest);
  if (match !== null) return { kind: "tags", repository: parseRepositoryName(match[1]!) };
  match = /^(.+)\/blobs\/uploads\/?$/s.exec(rest);
  if (match !== null) return { kind: "uploads", repository: parseRepositoryName(match[1]!) };
  match = /^(.+)\/blobs\/uploads\/([^/]+)$/s.exec(rest);
  if (match !== null) return { kind: "upload", repository: parseRepositoryName(match[1]!), id: decoded(match[2]!) };
  match = /^(.+)\/(manifests|blobs|referrers)\/([^/]+)$/s.exec(rest);
  if (match === null) return null;
  const repository = parseRepositoryName(match[1]!);
  const last = decoded(match[3]!);
  if (match[2] === "manifests") return { kind: "manifest", repository, reference: last };
  return { kind: match[2] === "blobs" ? "blob" : "referrers", repository, digest: last };
}

/** Some clients encode the ":" of a digest; nothing else that is valid needs decoding. */
function decoded(text: string): string {
  return text.replaceAll(/%3a/gi, ":");
}
