/**
 * Where people sign in and out: the proxy's own pages on names of which some route asks for it.
 *
 * Nothing is kept here. Who is signed in stands sealed in a cookie, so any process of the proxy can answer; and forms
 * carry the text of a second cookie, which another site can neither read nor set.
 * @module
 */
import { randomBytes } from "node:crypto";
import type { Caller } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { errorTable, messageOf, PlatformError, rateLimited } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import {
  assetResponse,
  csrfField,
  type Form,
  readForm,
  requireSameOrigin,
  safeReturn,
  sameText,
} from "@lib/web/mod.ts";
import { parseIp } from "../domain/ip_address.ts";
import { clientKey } from "../firewall/client_key.ts";
import { TokenBuckets } from "../firewall/token_buckets.ts";
import type { Mcias } from "../mcias.ts";
import type { Decision, Place } from "../relay/gate.ts";
import type { RequestHead } from "../relay/message.ts";
import { page } from "../relay/pages.ts";
import { cookieOf, formCookie, sessionCookie } from "./credentials.ts";
import { answerOf, messagePage, signedInPage, signInPage } from "./pages.tsx";
import { assetsBelow, signInPath, signOutPath } from "./paths.ts";

export interface DeskOptions {
  mcias: Pick<Mcias, "verify" | "login" | "logout">;
  seal(token: string, hostname: string): string;
  /** Null for a text that wasn't sealed for that name. */
  open(text: string, hostname: string): string | null;
  count(outcome: "signed_in" | "sign_in_refused" | "signed_out"): void;
  clock: Clock;
  log: Logger;
}

/** One request to the desk. */
interface Visit {
  readonly request: Request;
  readonly hostname: string;
  readonly remote: string;
  /** The token behind the session's cookie; null without a good one. */
  readonly token: string | null;
  /** What forms must repeat; `isNew` when the browser hasn't got it yet. */
  readonly formToken: { readonly text: string; readonly isNew: boolean };
}

/** Whose word a response is: the account that it signs in or out, or "". */
interface Answered {
  readonly response: Response;
  readonly user: string;
}

const home = "/";
/**
 * Sign-ins of one client, whatever the account: to MCIAS all of them come from this machine, and it makes the machine
 * wait after 100 wrong passwords. A whole office behind one address gets in within minutes.
 */
const tries = { perSecond: 0.1, burst: 20 };
/** Those seen longest ago go first. 48 octets each. */
const maxClients = 10_000;
/** RFC 6265bis: of this host and TLS alone, out of scripts' reach, and not along with other sites' forms. */
const cookieRules = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** See the module. */
export class Desk {
  readonly #options: DeskOptions;
  readonly #tries = new TokenBuckets(maxClients);

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /**
   * Answers a request whose target begins with `/.mcproxy/`.
   * @param form the request's body; what it rejects with is passed on
   */
  async answer(head: RequestHead, { hostname, remote }: Place, form: () => Promise<string>): Promise<Decision> {
    // A port that is none passes as a Host, and can't stand in an address.
    if (!URL.canParse(`https://${head.host}/`)) return { answer: page(400, "malformed Host"), user: "" };
    const path = head.target.split("?", 1)[0]!;
    const method = head.method === "HEAD" ? "GET" : head.method;
    if (method !== "GET" && method !== "POST") {
      return { answer: { ...page(405, "GET and POST"), fields: [["allow", "GET, HEAD, POST"]] }, user: "" };
    }
    if (path.startsWith(`${assetsBelow}/assets/`)) {
      const asset = assetResponse(requestFor(head, head.target.slice(assetsBelow.length), ""));
      return asset === null ? notFound : { answer: await answerOf(asset), user: "" };
    }
    if (path !== signInPath && path !== signOutPath) return notFound;
    const request = requestFor(head, head.target, method === "POST" ? await form() : "");
    try {
      const visit = this.#visit(request, head, hostname, remote);
      const { response, user } = method === "GET" ? await this.#show(visit, path) : await this.#posted(visit, path);
      if (visit.formToken.isNew) {
        response.headers.append("set-cookie", `${formCookie}=${visit.formToken.text}; ${cookieRules}`);
      }
      return { answer: await answerOf(response), user };
    } catch (error) {
      const { code, message } = error instanceof PlatformError ? error : failed(this.#options.log, error);
      const { http, title } = errorTable[code];
      return { answer: await answerOf(await messagePage(hostname, title, http, message)), user: "" };
    }
  }

  #visit(request: Request, { fields }: RequestHead, hostname: string, remote: string): Visit {
    const sealed = cookieOf(fields, sessionCookie);
    const token = sealed === null ? null : this.#options.open(sealed, hostname);
    const held = cookieOf(fields, formCookie) ?? "";
    const isNew = !/^[A-Za-z0-9_-]{22}$/.test(held);
    const text = isNew ? randomBytes(16).toString("base64url") : held;
    return { request, hostname, remote, token, formToken: { text, isNew } };
  }

  async #show(visit: Visit, path: string): Promise<Answered> {
    const { hostname, formToken, request } = visit;
    const caller = await this.#callerOf(visit);
    const to = new URL(request.url).searchParams.get("to");
    const next = safeReturn(to ?? "", home);
    if (caller === null) {
      if (path === signOutPath) return { response: redirect(signInPath), user: "" };
      return { response: await signInPage({ hostname, next, formToken: formToken.text }), user: "" };
    }
    const { username, roles } = caller;
    if (path === signInPath && to !== null) return { response: redirect(next), user: username };
    return { response: await signedInPage({ hostname, username, roles, formToken: formToken.text }), user: username };
  }

  /** Null while MCIAS can't be asked, too: the form says so when it is sent. */
  async #callerOf({ token }: Visit): Promise<Caller | null> {
    if (token === null) return null;
    try {
      return await this.#options.mcias.verify(token);
    } catch (error) {
      if (error instanceof PlatformError) return null;
      throw error;
    }
  }

  async #posted(visit: Visit, path: string): Promise<Answered> {
    requireSameOrigin(visit.request);
    const form = await readForm(visit.request);
    const isOurs = !visit.formToken.isNew && sameText(form.optional(csrfField) ?? "", visit.formToken.text);
    if (path === signOutPath) {
      if (!isOurs) return { response: redirect(signOutPath), user: "" };
      return await this.#signOut(visit);
    }
    return await this.#signIn(visit, form, isOurs);
  }

  async #signIn({ hostname, remote, formToken }: Visit, form: Form, isOurs: boolean): Promise<Answered> {
    const { mcias, seal, count, clock, log } = this.#options;
    const username = form.optional("username")?.trim() ?? "";
    const password = form.optional("password") ?? "";
    const next = safeReturn(form.optional("next") ?? "", home);
    try {
      if (!isOurs) throw new PlatformError("denied", "Cookies are off, or this form is an old one: send it once more");
      if (username === "" || password === "") throw new PlatformError("invalid", "Fill in username and password");
      this.#bound(remote);
      const token = await mcias.login(username, password);
      const caller = await mcias.verify(token);
      if (caller === null) throw new PlatformError("denied", "This account may not sign in here");
      const response = redirect(next);
      const seconds = caller.expiresAt === undefined ? 0 : Math.floor((caller.expiresAt - clock.now()) / 1000);
      const end = seconds > 0 ? `; Max-Age=${seconds}` : "";
      response.headers.append("set-cookie", `${sessionCookie}=${seal(token, hostname)}; ${cookieRules}${end}`);
      count("signed_in");
      log.info("Signed in", { username: caller.username, hostname, remote });
      return { response, user: caller.username };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      count("sign_in_refused");
      const { http: status } = errorTable[error.code];
      const shown = { hostname, next, username, formToken: formToken.text, error: error.message, status };
      const response = await signInPage(shown);
      // RFC 9110 §10.2.3: whole seconds.
      const wait = error.retryAfterSeconds;
      if (wait !== undefined) response.headers.set("retry-after", String(Math.ceil(wait)));
      return { response, user: "" };
    }
  }

  /** @throws PlatformError `rate_limited` when the client has tried too often */
  #bound(remote: string): void {
    const now = this.#options.clock.monotonic();
    if (this.#tries.take(0, clientKey(parseIp(remote)), tries, now)) return;
    const seconds = 1 / tries.perSecond;
    throw rateLimited(`Too many sign-ins from your address: wait ${seconds} seconds`, seconds);
  }

  async #signOut(visit: Visit): Promise<Answered> {
    const { mcias, count, log } = this.#options;
    const { token, hostname, remote } = visit;
    const caller = await this.#callerOf(visit);
    const user = caller?.username ?? "";
    if (token !== null && caller !== null) {
      // The browser forgets the token even when MCIAS can't be told that it has served its time.
      await mcias.logout(token).catch((error) => {
        log.warn("Token not revoked at sign-out", { username: user, hostname, reason: messageOf(error) });
      });
      log.info("Signed out", { username: user, hostname, remote });
    }
    count("signed_out");
    const response = redirect(signInPath);
    response.headers.append("set-cookie", `${sessionCookie}=; ${cookieRules}; Max-Age=0`);
    return { response, user };
  }
}

const notFound: Decision = { answer: page(404, "the proxy has no such page"), user: "" };

/** With the fields that the pages look at. */
function requestFor({ method, host, fields }: RequestHead, target: string, body: string): Request {
  const headers = new Headers();
  for (const [index, name] of fields.names.entries()) {
    if (["origin", "sec-fetch-site", "content-type", "if-none-match"].includes(name)) {
      headers.append(name, fields.values[index]!);
    }
  }
  return new Request(`https://${host}${target}`, { method, headers, ...(method === "POST" ? { body } : {}) });
}

/** After a form, and where there is none: the browser goes there with GET. */
function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { location, "cache-control": "no-store" } });
}

function failed(log: Logger, error: unknown): { code: PlatformError["code"]; message: string } {
  log.error("Sign-in failed", { error });
  return { code: "internal", message: "Something went wrong here" };
}
