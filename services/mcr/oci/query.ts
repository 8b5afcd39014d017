import { quote } from "@lib/errors/mod.ts";
import { RegistryError } from "../domain/registry_error.ts";

/** The protocol's way of asking for a page: `n` at most, those after `last`. */
export interface ListQuery {
  readonly limit: number;
  readonly last: string;
}

/** A list without `n` is cut here too, with a Link to the rest: 100,000 tags don't come in one answer. */
const maxEntries = 1000;

/** @throws RegistryError UNSUPPORTED, status 400, when `n` is no count */
export function parseListQuery(url: URL): ListQuery {
  const n = url.searchParams.get("n");
  if (n !== null && !/^\d{1,9}$/.test(n)) {
    throw new RegistryError("UNSUPPORTED", `n must be a whole number, got ${quote(n)}`, { status: 400, field: "n" });
  }
  return { limit: n === null ? maxEntries : Math.min(Number(n), maxEntries), last: url.searchParams.get("last") ?? "" };
}

/** RFC 8288: where the next page is. */
export function nextLink(path: string, parameters: Record<string, string>): Record<string, string> {
  return { link: `<${path}?${new URLSearchParams(parameters)}>; rel="next"` };
}
