/**
 * Lets requests pass that MCIAS knows the sender of. A request shows a token of MCIAS, in Authorization or sealed in the
 * cookie that the sign-in page gives; MCIAS is asked about each token once in 30 s. Without MCIAS's word nobody passes.
 * @module
 */
import type { Caller } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { allowedText, isAllowed, type SignIn } from "../domain/sign_in.ts";
import type { Mcias } from "../mcias.ts";
import { fieldValue } from "../relay/fields.ts";
import type { Decision, Gate, Place } from "../relay/gate.ts";
import type { RequestHead } from "../relay/message.ts";
import { type Page, page } from "../relay/pages.ts";
import { bearerOf, cookieOf, sessionCookie, withoutAuthorization, withoutOurCookies } from "./credentials.ts";
import { cookieKey } from "./cookie_key.ts";
import { openToken, sealToken } from "./sealed_token.ts";
import { deniedPage, refusedPage, unavailablePage } from "./pages.tsx";
import { ownPrefix, signInPath } from "./paths.ts";
import { Desk } from "./desk.ts";

/** What became of requests, for a counter. */
export type SignInOutcome =
  | "passed_by_token"
  | "passed_by_cookie"
  | "asked"
  | "denied"
  | "unavailable"
  | "signed_in"
  | "sign_in_refused"
  | "signed_out";

export interface SignInGateOptions {
  mcias: Pick<Mcias, "verify" | "login" | "logout">;
  /** Where the key of the cookies is kept; made when it is first needed. */
  keyFile: string;
  clock: Clock;
  log: Logger;
}

/** A longer address isn't kept for the way back. */
const maxReturnLength = 2048;

/** See the module. */
export class SignInGate implements Gate {
  readonly counts = new Map<SignInOutcome, number>();
  readonly #options: SignInGateOptions;
  readonly #desk: Desk;
  #key: Uint8Array | null = null;

  constructor(options: SignInGateOptions) {
    this.#options = options;
    this.#desk = new Desk({
      ...options,
      seal: (token, hostname) => sealToken(token, hostname, this.#cookieKey()),
      open: (text, hostname) => openToken(text, hostname, this.#cookieKey()),
      count: (outcome) => this.#count(outcome),
    });
  }

  owns(target: string): boolean {
    return target.startsWith(ownPrefix);
  }

  async visit(request: RequestHead, at: Place, form: () => Promise<string>): Promise<Decision> {
    return await this.#desk.answer(request, at, form);
  }

  async admit(request: RequestHead, at: Place, rule: SignIn | null): Promise<Decision> {
    const fields = withoutOurCookies(request.fields);
    if (rule === null) {
      return { answer: null, request: fields === request.fields ? request : { ...request, fields }, user: "" };
    }
    let known: Known | null;
    try {
      known = await this.#known(request, at.hostname);
    } catch (error) {
      return { answer: await this.#refused(error, request, at), user: "" };
    }
    if (known === null) return this.#ask(request);
    const { caller: { username, roles }, by } = known;
    if (!isAllowed(rule, { username, roles })) {
      this.#count("denied");
      const facts = { hostname: at.hostname, username, needs: allowedText(rule) };
      return { answer: await deniedPage(facts, takesHtml(request)), user: username };
    }
    this.#count(by === "token" ? "passed_by_token" : "passed_by_cookie");
    const visitor = { username, roles };
    const passed = by === "token" ? withoutAuthorization(fields) : fields;
    return { answer: null, request: { ...request, fields: passed, visitor }, user: username };
  }

  /** Why nobody is known: a token that isn't for this, or nobody who knows. */
  async #refused(error: unknown, request: RequestHead, at: Place): Promise<Page> {
    if (error instanceof PlatformError && error.code === "denied") {
      this.#count("denied");
      return await refusedPage(at.hostname, error.message, takesHtml(request));
    }
    const { log } = this.#options;
    if (error instanceof PlatformError) {
      log.debug("Cannot ask who sends a request", { ...at, reason: messageOf(error) });
    } else log.error("Cannot read a sign-in cookie", { ...at, error });
    this.#count("unavailable");
    return await unavailablePage(at.hostname, takesHtml(request));
  }

  /** @throws PlatformError when MCIAS can't be asked, and `denied` for a token with scopes: it is for something else */
  async #known({ fields }: RequestHead, hostname: string): Promise<Known | null> {
    const { verify } = this.#options.mcias;
    const bearer = bearerOf(fields);
    const caller = bearer === null ? null : await verify(bearer);
    if (caller !== null) return { caller, by: "token" };
    const cookie = cookieOf(fields, sessionCookie);
    const token = cookie === null ? null : openToken(cookie, hostname, this.#cookieKey());
    const owner = token === null ? null : await verify(token);
    return owner === null ? null : { caller: owner, by: "cookie" };
  }

  /** People are led to the sign-in page; programs are told what is missing (a gRPC client makes UNAUTHENTICATED of it). */
  #ask(request: RequestHead): Decision {
    this.#count("asked");
    if (takesHtml(request)) {
      const { target } = request;
      const to = target.length > maxReturnLength ? "/" : target;
      const answer = page(302, "sign in first");
      return { answer: { ...answer, fields: [["location", `${signInPath}?to=${encodeURIComponent(to)}`]] }, user: "" };
    }
    const { host, fields } = request;
    const answer = page(
      401,
      `send a token of MCIAS as "Authorization: Bearer", or sign in at https://${host}${signInPath}`,
    );
    // RFC 6750 §3.1: what was sent is no good; without a token no error is named.
    const challenge = bearerOf(fields) === null ? "Bearer" : 'Bearer error="invalid_token"';
    return { answer: { ...answer, fields: [["www-authenticate", challenge]] }, user: "" };
  }

  /** @throws when its file can't be read or made */
  #cookieKey(): Uint8Array {
    return this.#key ??= cookieKey(this.#options.keyFile);
  }

  #count(outcome: SignInOutcome): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }
}

interface Known {
  readonly caller: Caller;
  readonly by: "token" | "cookie";
}

/** A browser that loads a page. */
function takesHtml({ method, fields, webSocket }: RequestHead): boolean {
  return (method === "GET" || method === "HEAD") && !webSocket &&
    fieldValue(fields, "accept")?.toLowerCase().includes("text/html") === true;
}
