import { quote, unavailable } from "@lib/errors/mod.ts";

/** Where a registry gives out tokens. */
export interface Challenge {
  /** Path and query of the token endpoint. */
  readonly path: string;
  /** To be sent back as it came; "" when there was none. */
  readonly service: string;
}

/**
 * Reads `WWW-Authenticate: Bearer realm="https://…/v2/token",service="…"`.
 *
 * Only the realm's path is used: the password goes to the server whose
 * certificate was checked, and to no other that an answer might name.
 * @throws PlatformError unavailable when the registry asks for something else
 */
export function parseChallenge(header: string | null): Challenge {
  const [scheme = "", rest = ""] = (header ?? "").split(/ (.*)/s);
  const parameters = new Map<string, string>();
  for (const [, key = "", quoted, plain] of rest.matchAll(/([a-z_]+)=(?:"([^"]*)"|([^\s,]*))/gi)) {
    parameters.set(key.toLowerCase(), quoted ?? plain ?? "");
  }
  const realm = parameters.get("realm") ?? "";
  if (scheme.toLowerCase() !== "bearer" || !URL.canParse(realm)) {
    throw unavailable(`The registry asks for authentication in a way that is not supported: ${quote(header)}`);
  }
  const { pathname, search } = new URL(realm);
  return { path: pathname + search, service: parameters.get("service") ?? "" };
}
