import { conflict, quote, unauthenticated, unavailable } from "@lib/errors/mod.ts";
import type { ClientRequest, ClientResponse } from "@lib/http/mod.ts";
import { readBody, readJson, refusal } from "./answer.ts";
import { type Challenge, parseChallenge } from "./challenge.ts";
import { digestOf, verifyDigest } from "./digest.ts";

/** What carries the requests: an `HttpsClient` of lib/http, bound to the registry's address, name and CA. */
export interface Transport {
  request(request: ClientRequest): Promise<ClientResponse>;
}

export interface RegistryOptions {
  client: Transport;
  username: string;
  /** An MCIAS password or token; a function is asked anew for each registry token, so that a renewed one is used. */
  password: string | (() => string);
}

/** A reference to content (OCI image-spec, "Content Descriptors"). */
export interface Descriptor {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
}

/** A manifest as the registry keeps it. */
export interface PulledManifest {
  digest: string;
  mediaType: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface CallOptions {
  signal?: AbortSignal;
}

/** Registries need not take more (OCI distribution 1.1, "Pushing Manifests"), so larger ones are refused here too. */
const maxManifestBytes = 4 * 1024 * 1024;
/** A registry token is fetched anew this long before its end: longer than a request needs to arrive. */
const tokenMarginMs = 30_000;
/** The token specification's lifetime for answers without one. */
const defaultTokenSeconds = 60;

interface Token {
  readonly value: string;
  /** On `performance.now`, ms. */
  readonly goodUntil: number;
}

/**
 * Pulls and pushes manifests and blobs of one registry, held in memory, each
 * checked against its digest. Tokens are fetched when the registry asks for one
 * and used again until shortly before their end.
 *
 * Every method throws PlatformError: unauthenticated (name or password wrong),
 * denied (no right to the repository), not_found, conflict (a digest doesn't
 * match), unavailable (no answer, or the registry is in trouble).
 */
export class RegistryClient {
  readonly #client: Transport;
  readonly #username: string;
  readonly #password: () => string;
  readonly #tokens = new Map<string, Token>();
  #challenge: Challenge | null = null;

  constructor({ client, username, password }: RegistryOptions) {
    this.#client = client;
    this.#username = username;
    this.#password = typeof password === "function" ? password : () => password;
  }

  /**
   * The manifest of a tag or digest, verified when asked for by digest.
   * @param accept media types that will do
   */
  async getManifest(
    repository: string,
    reference: string,
    accept: readonly string[],
    options: CallOptions = {},
  ): Promise<PulledManifest> {
    const name = `${repository}${separator(reference)}${reference}`;
    const response = await this.#call(`pull manifest ${name}`, "pull", repository, {
      method: "GET",
      path: `/v2/${repository}/manifests/${reference}`,
      headers: { accept: accept.join(", ") },
      ...options,
    });
    const bytes = await readBody(response, maxManifestBytes, `Manifest ${name}`);
    const digest = reference.includes(":") ? reference : digestOf(bytes);
    verifyDigest(bytes, digest, `Manifest ${name}`);
    return { digest, mediaType: response.headers.get("content-type") ?? "", bytes };
  }

  /** The digest that a tag stands for, or null when there is no such tag or repository. */
  async resolve(repository: string, tag: string, options: CallOptions = {}): Promise<string | null> {
    const response = await this.#send("pull", repository, {
      method: "HEAD",
      path: `/v2/${repository}/manifests/${tag}`,
      ...options,
    });
    if (response.status === 404) return await ended(response, null);
    if (response.status !== 200) throw await refusal(response, `look up ${repository}:${tag}`);
    return await ended(response, response.headers.get("docker-content-digest"));
  }

  /** Stores a manifest under a tag; what it refers to must be there. Returns its digest. */
  async putManifest(
    repository: string,
    tag: string,
    mediaType: string,
    bytes: Uint8Array,
    options: CallOptions = {},
  ): Promise<string> {
    const digest = digestOf(bytes);
    const action = `push manifest ${repository}:${tag}`;
    const response = await this.#call(action, "pull,push", repository, {
      method: "PUT",
      path: `/v2/${repository}/manifests/${tag}`,
      headers: { "content-type": mediaType },
      body: bytes,
      ...options,
    });
    const stored = response.headers.get("docker-content-digest") ?? digest;
    if (stored !== digest) {
      throw await ended(response, conflict(`Cannot ${action}: the registry stored ${stored}, not ${digest}`));
    }
    return await ended(response, digest);
  }

  /**
   * A blob in memory, verified.
   * @throws PlatformError also too_large when it is longer than the descriptor says
   */
  async getBlob(
    repository: string,
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { digest, size } = descriptor;
    const what = `Blob ${digest} of ${repository}`;
    const response = await this.#call(`pull blob ${digest} of ${repository}`, "pull", repository, {
      method: "GET",
      path: `/v2/${repository}/blobs/${digest}`,
      ...options,
    });
    const bytes = await readBody(response, size, what);
    verifyDigest(bytes, digest, what);
    return bytes;
  }

  /** Stores a blob unless the repository has it. */
  async pushBlob(
    repository: string,
    mediaType: string,
    bytes: Uint8Array,
    options: CallOptions = {},
  ): Promise<Descriptor> {
    const digest = digestOf(bytes);
    const descriptor = { mediaType, digest, size: bytes.length };
    const action = `push blob ${digest} to ${repository}`;
    const present = await this.#send("pull,push", repository, {
      method: "HEAD",
      path: `/v2/${repository}/blobs/${digest}`,
      ...options,
    });
    if (present.status === 200) return await ended(present, descriptor);
    if (present.status !== 404) throw await refusal(present, action);
    await ended(present, null);

    const begun = await this.#call(action, "pull,push", repository, {
      method: "POST",
      path: `/v2/${repository}/blobs/uploads/`,
      ...options,
    });
    const location = await ended(begun, begun.headers.get("location") ?? "");
    const base = "https://registry/";
    if (!URL.canParse(location, base)) throw unavailable(`Cannot ${action}: bad upload location ${quote(location)}`);
    const upload = new URL(location, base);
    upload.searchParams.set("digest", digest);
    const done = await this.#call(action, "pull,push", repository, {
      method: "PUT",
      path: upload.pathname + upload.search,
      headers: { "content-type": "application/octet-stream" },
      body: bytes,
      ...options,
    });
    return await ended(done, descriptor);
  }

  /** Sends; every status but 2xx is thrown. */
  async #call(action: string, actions: string, repository: string, request: ClientRequest): Promise<ClientResponse> {
    const response = await this.#send(actions, repository, request);
    if (response.status >= 200 && response.status < 300) return response;
    throw await refusal(response, action);
  }

  /** Sends with a token for the scope, fetching one when there is none or the registry refuses the one we have. */
  async #send(actions: string, repository: string, request: ClientRequest): Promise<ClientResponse> {
    const scope = `repository:${repository}:${actions}`;
    const token = this.#tokens.get(scope);
    if (this.#challenge === null) this.#challenge = await this.#askChallenge(request.signal);
    if (token !== undefined && performance.now() < token.goodUntil) {
      const response = await this.#client.request(withToken(request, token.value));
      if (response.status !== 401) return response;
      await ended(response, null);
    }
    const fresh = await this.#fetchToken(this.#challenge, scope, request.signal);
    this.#tokens.set(scope, fresh);
    return await this.#client.request(withToken(request, fresh.value));
  }

  /** Asks once per client where tokens come from. */
  async #askChallenge(signal: AbortSignal | undefined): Promise<Challenge> {
    const response = await this.#client.request({ method: "GET", path: "/v2/", ...(signal ? { signal } : {}) });
    if (response.status !== 401) throw await refusal(response, "ask the registry for its token endpoint");
    return parseChallenge(await ended(response, response.headers.get("www-authenticate")));
  }

  async #fetchToken(challenge: Challenge, scope: string, signal: AbortSignal | undefined): Promise<Token> {
    const query = new URLSearchParams({ service: challenge.service, scope });
    const credentials = new TextEncoder().encode(`${this.#username}:${this.#password()}`).toBase64();
    const asked = performance.now();
    const response = await this.#client.request({
      method: "GET",
      path: `${challenge.path}${challenge.path.includes("?") ? "&" : "?"}${query}`,
      headers: { authorization: `Basic ${credentials}` },
      ...(signal ? { signal } : {}),
    });
    if (response.status === 401) {
      const { message } = await refusal(response, `log in to the registry as ${quote(this.#username)}`);
      throw unauthenticated(message, { hint: "Check the account's password or token" });
    }
    if (response.status !== 200) throw await refusal(response, "get a registry token");
    const { token, access_token: accessToken, expires_in: seconds } = await readJson(response);
    const value = token ?? accessToken;
    if (typeof value !== "string") throw unavailable("Cannot get a registry token: the answer holds none");
    const lifetimeMs = (typeof seconds === "number" ? seconds : defaultTokenSeconds) * 1000;
    return { value, goodUntil: asked + lifetimeMs - tokenMarginMs };
  }
}

function withToken(request: ClientRequest, token: string): ClientRequest {
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${token}`);
  return { ...request, headers };
}

/** Lets the response's connection go and hands `value` on. */
async function ended<T>(response: ClientResponse, value: T): Promise<T> {
  await response.body.cancel();
  return value;
}

function separator(reference: string): string {
  return reference.includes(":") ? "@" : ":";
}
