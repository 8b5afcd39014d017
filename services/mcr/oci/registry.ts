/**
 * The registry protocol: which handler a request goes to, what its token must
 * cover, and how what was thrown is told.
 */
import type { Logger } from "@lib/log/mod.ts";
import type { Counter, Registry as Metrics } from "@lib/metrics/mod.ts";
import { RegistryError } from "../domain/registry_error.ts";
import { catalogAccess } from "../domain/scope.ts";
import type { Stores } from "../store/stores.ts";
import { AccessControl } from "./access_control.ts";
import { asRegistryError, json, refused } from "./answer.ts";
import { deleteBlob, pullBlob } from "./blobs.ts";
import { listReferrers, listRepositories, listTags } from "./listings.ts";
import { deleteManifest, pullManifest, pushManifest } from "./manifests.ts";
import type { Identity } from "./identity.ts";
import type { RegistryTokens } from "./registry_token.ts";
import { methods, parseRoute, type Route } from "./route.ts";
import { TokenEndpoint } from "./token_endpoint.ts";
import { appendChunk, beginUpload, cancelUpload, finishUpload, type UploadCall, uploadStatus } from "./uploads.ts";

export interface RegistryOptions {
  stores: Stores;
  identity: Identity;
  tokens: RegistryTokens;
  /** The registry's name in tokens and challenges. */
  service: string;
  log: Logger;
  metrics: Metrics;
}

export class Registry {
  readonly #stores: Stores;
  readonly #access: AccessControl;
  readonly #tokenEndpoint: TokenEndpoint;
  readonly #log: Logger;
  readonly #requests: Counter;

  constructor({ stores, identity, tokens, service, log, metrics }: RegistryOptions) {
    this.#stores = stores;
    this.#access = new AccessControl(tokens, stores, service);
    this.#tokenEndpoint = new TokenEndpoint(identity, tokens, stores, service);
    this.#log = log;
    this.#requests = metrics.counter("mcr_requests_total", "Requests of the registry protocol", [
      "kind",
      "method",
      "status",
    ]);
  }

  /** Answers whatever is below /v2; null for other paths. Never rejects. */
  readonly answer = async (request: Request, { remote }: { remote: string }): Promise<Response | null> => {
    const url = new URL(request.url);
    if (url.pathname !== "/v2" && !url.pathname.startsWith("/v2/")) return null;
    let kind = "unknown";
    let response: Response;
    try {
      const route = parseRoute(url.pathname);
      if (route === null) throw new RegistryError("UNSUPPORTED", "No such registry path", { status: 404 });
      kind = route.kind;
      const allow = methods[route.kind];
      if (!allow.includes(request.method)) {
        throw new RegistryError("UNSUPPORTED", `${request.method} is not possible here, only ${allow.join(", ")}`, {
          headers: { allow: allow.join(", ") },
        });
      }
      response = await this.#dispatch(route, request, url, remote);
    } catch (error) {
      const told = asRegistryError(error);
      // A client that hung up is no defect, and gets no answer anyway.
      if (told.status >= 500 && !request.signal.aborted) this.#logFailure(request, url, told);
      response = refused(told);
    }
    this.#requests.inc({ kind, method: request.method, status: String(response.status) });
    return response;
  };

  /** What the service needs is down: a warning with the reason. Anything else: an error, whole. */
  #logFailure(request: Request, url: URL, told: RegistryError): void {
    const at = { method: request.method, path: url.pathname };
    if (told.code === "unavailable") this.#log.warn("request refused", { ...at, reason: told.message });
    else this.#log.error("request failed", { ...at, error: told.cause ?? told });
  }

  async #dispatch(route: Route, request: Request, url: URL, remote: string): Promise<Response> {
    const stores = this.#stores;
    const { method } = request;
    switch (route.kind) {
      case "base":
        await this.#access.require(request, remote, null);
        return json(200, {});
      case "token":
        return await this.#tokenEndpoint.answer(request, url, remote);
      case "catalog":
        return listRepositories(stores, await this.#access.require(request, remote, catalogAccess), url);
      case "tags":
        await this.#access.requireRepository(request, remote, route.repository, "pull");
        return listTags(stores, route.repository, url);
      case "referrers":
        await this.#access.requireRepository(request, remote, route.repository, "pull");
        return listReferrers(stores, route.repository, route.digest, url);
      case "manifest":
        return await this.#manifest(route, request, remote);
      case "blob": {
        const { repository, digest } = route;
        if (method === "DELETE") {
          const bearer = await this.#access.requireRepository(request, remote, repository, "delete");
          return deleteBlob(stores, bearer, remote, repository, digest);
        }
        await this.#access.requireRepository(request, remote, repository, "pull");
        return await pullBlob(stores, request, repository, digest);
      }
      case "uploads":
      case "upload": {
        const { repository } = route;
        const bearer = await this.#access.requireRepository(request, remote, repository, "push");
        const call: UploadCall = { stores, request, url, bearer, repository };
        return route.kind === "uploads" ? await beginUpload(call) : await this.#upload(call, route.id);
      }
    }
  }

  async #manifest(route: Route & { kind: "manifest" }, request: Request, remote: string): Promise<Response> {
    const { repository, reference } = route;
    switch (request.method) {
      case "PUT": {
        const bearer = await this.#access.requireRepository(request, remote, repository, "push");
        return await pushManifest(this.#stores, request, bearer, remote, repository, reference);
      }
      case "DELETE": {
        const bearer = await this.#access.requireRepository(request, remote, repository, "delete");
        return deleteManifest(this.#stores, bearer, remote, repository, reference);
      }
      default:
        await this.#access.requireRepository(request, remote, repository, "pull");
        return pullManifest(this.#stores, request, repository, reference);
    }
  }

  #upload(call: UploadCall, id: string): Promise<Response> {
    switch (call.request.method) {
      case "PATCH":
        return appendChunk(call, id);
      case "PUT":
        return finishUpload(call, id);
      case "DELETE":
        return cancelUpload(call, id);
      default:
        return uploadStatus(call, id);
    }
  }
}
