/** Lists: tags of a repository, repositories, referrers of a manifest. OCI distribution 1.1, "Content Discovery". */
import { type Asker, decide } from "../policy.ts";
import { parseDigest } from "../domain/digest.ts";
import { mediaTypes } from "../domain/manifest.ts";
import { RegistryError } from "../domain/registry_error.ts";
import type { RepositoryName } from "../domain/repository_name.ts";
import type { Referrer } from "../store/manifest_store.ts";
import type { Stores } from "../store/stores.ts";
import { content, json } from "./answer.ts";
import { nextLink, parseListQuery } from "./query.ts";

export function listTags(stores: Stores, repository: RepositoryName, url: URL): Response {
  const { limit, last } = parseListQuery(url);
  const id = stores.repositories.find(repository);
  if (id === null) throw unknownRepository(repository);
  // One more than asked for tells whether there is a next page; none asked for is none given, without a Link.
  const rows = limit === 0 ? [] : stores.tags.list(id, last, limit + 1);
  const tags = rows.slice(0, limit).map(({ name }) => name);
  const next = rows.length > limit
    ? nextLink(`/v2/${repository}/tags/list`, { n: String(limit), last: tags.at(-1)! })
    : {};
  return json(200, { name: repository, tags }, next);
}

/** The repositories that the account may pull from. */
export function listRepositories(stores: Stores, asker: Asker, url: URL): Response {
  const { limit, last } = parseListQuery(url);
  const { names, more } = pullable(stores, asker, last, limit);
  const next = more ? nextLink("/v2/_catalog", { n: String(limit), last: names.at(-1)! }) : {};
  return json(200, { repositories: names }, next);
}

/** At most `limit` names after `after` that the account may pull from, and whether there are more. */
export function pullable(
  stores: Stores,
  asker: Asker,
  after: string,
  limit: number,
): { names: string[]; more: boolean } {
  const rules = stores.rules.list();
  const names: string[] = [];
  const batch = 500;
  for (let last = after; limit > 0;) {
    const rows = stores.repositories.names(last, batch);
    for (const name of rows) {
      if (!decide(rules, asker, "pull", name).allowed) continue;
      if (names.length === limit) return { names, more: true };
      names.push(name);
    }
    if (rows.length < batch) break;
    last = rows.at(-1)!;
  }
  return { names, more: false };
}

/** Descriptors per page, and their bytes: an answer is an index, and clients take indexes of 4 MiB. */
const maxReferrers = 1000;
const maxReferrersBytes = 3 * 1024 * 1024;

export function listReferrers(stores: Stores, repository: RepositoryName, digestText: string, url: URL): Response {
  const subject = parseDigest(digestText);
  const artifactType = url.searchParams.get("artifactType") ?? "";
  const id = stores.repositories.find(repository);
  const rows = id === null
    ? []
    : stores.manifests.referrers(id, subject, artifactType, url.searchParams.get("last") ?? "", maxReferrers + 1);
  const descriptors: unknown[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, maxReferrers)) {
    bytes += row.annotations.length + 512;
    if (bytes > maxReferrersBytes && descriptors.length > 0) break;
    descriptors.push(descriptorOf(row));
  }
  const headers: Record<string, string> = { "content-type": mediaTypes.ociIndex };
  if (artifactType !== "") headers["oci-filters-applied"] = "artifactType";
  if (descriptors.length < rows.length) {
    const last = rows[descriptors.length - 1]!.digest;
    const parameters = artifactType === "" ? { last } : { artifactType, last };
    Object.assign(headers, nextLink(`/v2/${repository}/referrers/${subject}`, parameters));
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: descriptors };
  const body = new TextEncoder().encode(JSON.stringify(index));
  return content(200, body, body.length, headers);
}

function descriptorOf({ mediaType, digest, size, artifactType, annotations }: Referrer): unknown {
  const texts: Record<string, string> = JSON.parse(annotations);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === null ? {} : { artifactType }),
    ...(Object.keys(texts).length === 0 ? {} : { annotations: texts }),
  };
}

export function unknownRepository(repository: RepositoryName): RegistryError {
  return new RegistryError("NAME_UNKNOWN", `No repository "${repository}": nothing was pushed to it`, {
    detail: { name: repository },
  });
}
