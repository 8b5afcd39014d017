/** Lets a request in when its registry token says so. There is no anonymous access. */
import { bearerToken } from "@lib/auth/mod.ts";
import { RegistryError } from "../domain/registry_error.ts";
import { type Access, type Action, covers, formatScope, repositoryAccess } from "../domain/scope.ts";
import type { RepositoryName } from "../domain/repository_name.ts";
import { decide } from "../policy.ts";
import type { Stores } from "../store/stores.ts";
import { externalUrl } from "./external_url.ts";
import type { Bearer, RegistryTokens } from "./registry_token.ts";

export class AccessControl {
  readonly #tokens: RegistryTokens;
  readonly #stores: Stores;
  readonly #service: string;

  constructor(tokens: RegistryTokens, stores: Stores, service: string) {
    this.#tokens = tokens;
    this.#stores = stores;
    this.#service = service;
  }

  /**
   * The holder of the request's token, which must cover `needed` (null: any token does).
   *
   * What the token lacks is looked up in the policy: when the account may have
   * it, the answer is 401 with the scope, and clients fetch a wider token; when
   * not, 403 with the rule, as a wider token would be refused again.
   * @throws RegistryError UNAUTHORIZED or DENIED
   */
  async require(request: Request, remote: string, needed: Access | null): Promise<Bearer> {
    const token = bearerToken(request.headers.get("authorization"));
    if (token === null) throw this.#challenge(request, needed, null, "Authentication required");
    const bearer = await this.#tokens.verify(token);
    if (bearer === null) {
      throw this.#challenge(request, needed, "invalid_token", "The token is not good here: get a new one");
    }
    if (needed === null || covers(bearer.access, needed)) return bearer;
    const denial = this.#denialOf(bearer, needed);
    if (denial === null) {
      const message = `The token does not cover ${formatScope(needed)}: get one that does`;
      throw this.#challenge(request, needed, "insufficient_scope", message);
    }
    this.#stores.write((at) =>
      this.#stores.audit.record(at, {
        actor: bearer.username,
        remote,
        action: needed.actions.join(","),
        target: needed.name,
        outcome: "denied",
        detail: denial,
      })
    );
    throw new RegistryError("DENIED", denial, { detail: [{ Type: needed.type, Name: needed.name }] });
  }

  requireRepository(
    request: Request,
    remote: string,
    repository: RepositoryName,
    ...wanted: Action[]
  ): Promise<Bearer> {
    return this.require(request, remote, repositoryAccess(repository, ...wanted));
  }

  /** Why policy refuses `needed` to the holder, or null when it allows it. */
  #denialOf(bearer: Bearer, needed: Access): string | null {
    if (needed.type !== "repository") return null;
    const rules = this.#stores.rules.list();
    for (const action of needed.actions) {
      const { allowed, reason } = decide(rules, bearer, action as Action, needed.name);
      if (!allowed) return reason;
    }
    return null;
  }

  /** RFC 6750 §3, with the realm where tokens are given out. */
  #challenge(request: Request, needed: Access | null, error: string | null, message: string): RegistryError {
    const parameters = [`realm=${quoted(externalUrl(request) + "/v2/token")}`, `service=${quoted(this.#service)}`];
    if (needed !== null) parameters.push(`scope=${quoted(formatScope(needed))}`);
    if (error !== null) parameters.push(`error="${error}"`);
    return new RegistryError("UNAUTHORIZED", message, {
      headers: { "www-authenticate": `Bearer ${parameters.join(",")}` },
      ...(needed === null
        ? {}
        : { detail: [{ Type: needed.type, Name: needed.name, Action: needed.actions.join(",") }] }),
    });
  }
}

/** A quoted-string of RFC 9110 §5.6.4; JSON escapes the same two characters. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
