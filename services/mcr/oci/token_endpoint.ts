/**
 * /v2/token, both ways in which clients ask: GET with Basic (podman, skopeo,
 * buildah, and docker's login) and the OAuth2 form by POST (docker afterwards,
 * identity tokens). Both are described in the distribution project's token
 * authentication specification.
 *
 * What is granted is what of the asked policy allows, with 200 even when that is
 * nothing: clients ask for more than they need, and the registry refuses where it counts.
 */
import type { Caller } from "@lib/auth/mod.ts";
import { rfc3339 } from "@lib/clock/mod.ts";
import { tooLarge } from "@lib/errors/mod.ts";
import { RegistryError } from "../domain/registry_error.ts";
import { type Access, type Action, actions, catalogAccess, formatScope, parseScopes } from "../domain/scope.ts";
import { decide } from "../policy.ts";
import type { Stores } from "../store/stores.ts";
import { json, refused } from "./answer.ts";
import { basicCredentials, type Credentials, prove, type Proven } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { RegistryTokens } from "./registry_token.ts";

interface TokenRequest {
  readonly credentials: Credentials | null;
  /** "" when the client names none. */
  readonly service: string;
  readonly scopes: readonly Access[];
  /** The client wants a refresh token, to forget the password. */
  readonly offline: boolean;
}

/** A form with 64 scopes and a token is far below. */
const maxFormBytes = 64 * 1024;

export class TokenEndpoint {
  readonly #identity: Identity;
  readonly #tokens: RegistryTokens;
  readonly #stores: Stores;
  readonly #service: string;

  constructor(identity: Identity, tokens: RegistryTokens, stores: Stores, service: string) {
    this.#identity = identity;
    this.#tokens = tokens;
    this.#stores = stores;
    this.#service = service;
  }

  async answer(request: Request, url: URL, remote: string): Promise<Response> {
    const oauth = request.method === "POST";
    const asked = oauth ? await readForm(request) : readQuery(request, url);
    if (asked.service !== "" && asked.service !== this.#service) {
      throw new RegistryError("UNSUPPORTED", `This registry gives tokens for ${this.#service}, not ${asked.service}`, {
        status: 400,
      });
    }
    const proven = asked.credentials === null ? null : await prove(this.#identity, asked.credentials);
    if (proven === null) return this.#refuse(asked.credentials, remote, oauth);

    const access = this.#grant(proven.caller, asked.scopes);
    const { token, expiresInSeconds, issuedAt } = await this.#tokens.issue(proven.caller, access);
    return json(200, {
      token,
      access_token: token,
      expires_in: expiresInSeconds,
      issued_at: rfc3339(issuedAt),
      ...(oauth ? { token_type: "Bearer", scope: access.map(formatScope).join(" ") } : {}),
      ...await this.#refreshToken(proven, asked.offline),
    }, { "cache-control": "no-store" });
  }

  /** Exactly what policy allows of what was asked, in the asked order. */
  #grant(caller: Caller, scopes: readonly Access[]): Access[] {
    const rules = this.#stores.rules.list();
    return scopes.flatMap((scope) => {
      // Which repositories a listing shows is decided by policy, name by name.
      if (scope.type === catalogAccess.type && scope.name === catalogAccess.name) return [catalogAccess];
      if (scope.type !== "repository") return [];
      const wanted = scope.actions.includes("*") ? actions : actions.filter((one) => scope.actions.includes(one));
      const granted = wanted.filter((action: Action) => decide(rules, caller, action, scope.name).allowed);
      return granted.length === 0 ? [] : [{ type: scope.type, name: scope.name, actions: granted }];
    });
  }

  /**
   * A client that forgets the password is given the MCIAS token instead: it is
   * listed, ends and can be revoked there. One that does not want it gets none, and the login ends.
   */
  async #refreshToken(proven: Proven, offline: boolean): Promise<{ refresh_token?: string }> {
    if (offline) return { refresh_token: proven.token };
    if (proven.fresh) await this.#identity.logout(proven.token);
    return {};
  }

  #refuse(credentials: Credentials | null, remote: string, oauth: boolean): Response {
    if (credentials === null) {
      return this.#unauthorized("Authentication required: log in with an MCIAS password or token", oauth);
    }
    this.#stores.write((at) =>
      this.#stores.audit.record(at, {
        remote,
        action: "token",
        // A name that is no account's may be a password typed into the wrong field, so it is not written down.
        outcome: "unauthenticated",
      })
    );
    return this.#unauthorized("Wrong username, password or token", oauth);
  }

  #unauthorized(message: string, oauth: boolean): Response {
    const error = new RegistryError("UNAUTHORIZED", message, {
      headers: { "www-authenticate": `Basic realm=${JSON.stringify(this.#service)}, charset="UTF-8"` },
    });
    // RFC 6749 §5.2 beside the registry's own form: clients of either find theirs.
    return refused(error, oauth ? { error: "invalid_grant", error_description: message } : {});
  }
}

function readQuery(request: Request, url: URL): TokenRequest {
  const query = url.searchParams;
  return {
    credentials: basicCredentials(request.headers.get("authorization")),
    service: query.get("service") ?? "",
    scopes: parseScopes(query.getAll("scope")),
    offline: query.get("offline_token") === "true",
  };
}

async function readForm(request: Request): Promise<TokenRequest> {
  const form = new URLSearchParams(await readText(request));
  const grant = form.get("grant_type");
  const common = {
    service: form.get("service") ?? "",
    scopes: parseScopes(form.getAll("scope")),
    offline: form.get("access_type") === "offline",
  };
  switch (grant) {
    case "password":
      return {
        ...common,
        credentials: {
          kind: "password",
          username: form.get("username") ?? "",
          password: form.get("password") ?? "",
        },
      };
    case "refresh_token":
      return { ...common, credentials: { kind: "refresh", token: form.get("refresh_token") ?? "" } };
    default:
      throw new RegistryError("UNSUPPORTED", `grant_type must be password or refresh_token, got "${grant ?? ""}"`, {
        status: 400,
      });
  }
}

async function readText(request: Request): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxFormBytes) throw tooLarge("The token request", maxFormBytes);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
