/**
 * A service's pages: who is signed in, sign-in and sign-out, protection of forms, errors as pages.
 *
 * Every request with a session asks `authenticate` about the session's token, so a session ends with its token: when it
 * is revoked, expired, or its account locked. Every posted form must carry the session's CSRF token before its handler
 * sees it.
 * @module
 */
import type { Authenticate, Caller, MciasLogin } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { refuseScopes, requestIdFrom } from "@lib/contract/mod.ts";
import { messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { assetResponse } from "./assets.ts";
import { requireCsrf, requireSameOrigin } from "./csrf.ts";
import { type Form, readForm } from "./form.ts";
import { errorPage, htmlResponse, type NavLink, plaintextNotice } from "./page.tsx";
import { matchPath, parsePattern } from "./route.ts";
import { type Session, SessionStore } from "./session_store.ts";
import { ReturnPage, safeReturn, SignInForm } from "./sign_in_page.tsx";
import { noForm, type Shell, type SignedIn, Visit } from "./visit.tsx";

/** A visitor whose token is good. */
export type SignedInVisit = Visit & { readonly caller: Caller; readonly session: Session<SignedIn> };

export type PageRoute =
  & {
    readonly method: "GET" | "POST";
    /** `/zones/{zone}`; a place takes one segment. */
    readonly path: string;
    /** Largest form, in bytes; default 64 KiB. */
    readonly maxFormBytes?: number;
  }
  & ({
    /** For everybody; who is signed in is known all the same. */
    readonly open: true;
    readonly handle: (visit: Visit) => Promise<Response> | Response;
  } | {
    readonly open?: false;
    readonly handle: (visit: SignedInVisit) => Promise<Response> | Response;
  });

export interface SiteOptions {
  /** As in `[service]`: "mcns". The session's cookie is `__Host-mcns`. */
  name: string;
  /** As people write it: "MCNS". */
  title: string;
  /** Where `/` and sign-in lead. */
  home: string;
  nav: (caller: Caller | null) => NavLink[];
  routes: readonly PageRoute[];
  authenticate: Authenticate;
  login: Pick<MciasLogin, "login" | "logout">;
  clock: Clock;
  log: Logger;
}

/** Answers a request for a page or an asset of the site; null for every other path. */
export type Site = (request: Request, info: { remote: string }) => Promise<Response | null>;

interface Visitor {
  session: Session<SignedIn> | null;
  caller: Caller | null;
  ended: boolean;
}

const signInPath = "/sign-in";
const signOutPath = "/sign-out";

export function site(options: SiteOptions): Site {
  const { name, title, home, login, clock, log } = options;
  const sessions = new SessionStore<SignedIn>({ name, clock, sameSite: "Strict" });
  const routes = [...options.routes, ...ownRoutes()].map((route) => ({ route, pattern: parsePattern(route.path) }));

  /** Pages do what the account may: a token that may less has no business here. */
  async function authenticate(token: string): Promise<Caller | null> {
    const caller = await options.authenticate(token);
    if (caller !== null) refuseScopes(caller, "sign in");
    return caller;
  }

  function ownRoutes(): PageRoute[] {
    return [
      { method: "GET", path: "/", open: true, handle: (visit) => visit.redirect(home) },
      { method: "GET", path: signInPath, open: true, handle: showSignIn },
      { method: "POST", path: signInPath, open: true, handle: signIn },
      { method: "POST", path: signOutPath, open: true, handle: signOut },
    ];
  }

  return async (request, { remote }) => {
    const asset = assetResponse(request);
    if (asset !== null) return asset;
    const url = new URL(request.url);
    const fitting = routes.flatMap(({ route, pattern }) => {
      const params = matchPath(pattern, url.pathname);
      return params === null ? [] : [{ route, params }];
    });
    if (fitting.length === 0) return null;
    const method = request.method === "HEAD" ? "GET" : request.method;
    const found = fitting.find(({ route }) => route.method === method);
    if (found === undefined) {
      const allow = fitting.map(({ route }) => route.method).join(", ");
      return new Response(`${request.method} is not offered here\n`, { status: 405, headers: { allow } });
    }

    const requestId = requestIdFrom(request.headers.get("x-request-id"));
    let shell: Shell = { service: title, path: url.pathname, nav: [] };
    try {
      const unsafe = plaintextNotice(request, shell);
      if (unsafe !== null) return await unsafe;
      const { session, caller, ended } = await visitor(request, found.route.open === true);
      shell = { ...shell, nav: options.nav(caller), ...userOf(session) };
      if (caller === null && !found.route.open) return askToSignIn(request, url, ended);
      const form = method === "POST" ? await formOf(request, found.route, session) : noForm;
      const visit = new Visit({
        request,
        url,
        params: found.params,
        form,
        session,
        caller,
        call: { caller, remote, requestId, transport: "web", signal: request.signal },
        shell,
      });
      const response = await found.route.handle(visit as SignedInVisit);
      if (ended) response.headers.append("set-cookie", sessions.end(request).setCookie);
      return response;
    } catch (error) {
      if (!(error instanceof PlatformError)) {
        log.error("page failed", {
          path: url.pathname,
          request_id: requestId,
          error: error instanceof Error ? error.stack ?? error.message : String(error),
        });
      }
      return await errorPage(error, shell, requestId);
    }
  };

  /** Who the request's session says it is; `ended` when there was a session and its token is no longer good. */
  async function visitor(request: Request, open: boolean): Promise<Visitor> {
    const session = sessions.find(request, !request.headers.has("x-live-region"));
    if (session === null) return { session, caller: null, ended: false };
    try {
      const caller = await authenticate(session.value.token);
      return caller === null ? { session: null, caller, ended: true } : { session, caller, ended: false };
    } catch (error) {
      // While MCIAS is down nobody is known, and what is open to everybody stays so.
      if (open && error instanceof PlatformError) return { session: null, caller: null, ended: false };
      throw error;
    }
  }

  async function formOf(request: Request, route: PageRoute, session: Session<SignedIn> | null): Promise<Form> {
    requireSameOrigin(request);
    const form = await readForm(request, route.maxFormBytes === undefined ? {} : { maxBytes: route.maxFormBytes });
    if (session !== null && route.path !== signInPath) requireCsrf(request, form, session);
    return form;
  }

  /** To the sign-in page, and from there back. */
  function askToSignIn(request: Request, url: URL, hadSession: boolean): Promise<Response> | Response {
    // A Strict cookie stays behind when another site's link leads here; a step from our own page brings it along.
    if (request.method === "GET" && request.headers.get("sec-fetch-site") === "cross-site") {
      return htmlResponse(<ReturnPage service={title} to={url.pathname + url.search} />);
    }
    const query = new URLSearchParams();
    if (request.method === "GET" && url.pathname !== home) query.set("next", url.pathname + url.search);
    if (hadSession) query.set("ended", "1");
    const headers = new Headers({
      location: query.size === 0 ? signInPath : `${signInPath}?${query}`,
      "cache-control": "no-store",
    });
    if (hadSession) headers.append("set-cookie", sessions.end(request).setCookie);
    return new Response(null, { status: 303, headers });
  }

  function showSignIn(visit: Visit): Promise<Response> | Response {
    const next = safeReturn(visit.query("next"), home);
    if (visit.caller !== null) return visit.redirect(next);
    const ended = visit.query("ended") !== "";
    return visit.page(
      "Sign in",
      <SignInForm
        path={signInPath}
        next={next}
        {...(ended ? { notice: "Your session has ended. Sign in again." } : {})}
      />,
    );
  }

  async function signIn(visit: Visit): Promise<Response> {
    const { form } = visit;
    const username = form.optional("username")?.trim() ?? "";
    const password = form.optional("password") ?? "";
    const next = safeReturn(form.optional("next") ?? "", home);
    try {
      if (username === "" || password === "") throw new PlatformError("invalid", "Fill in username and password");
      const token = await login.login(username, password);
      if (await authenticate(token) === null) throw new PlatformError("denied", "This account may not sign in here");
      sessions.end(visit.request);
      const { setCookie } = sessions.create({ token, username });
      const response = visit.redirect(next);
      response.headers.append("set-cookie", setCookie);
      log.info("signed in", { username, remote: visit.call.remote });
      return response;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const status = { unauthenticated: 401, denied: 403, rate_limited: 429, unavailable: 503 } as Record<
        string,
        number
      >;
      return await visit.page(
        "Sign in",
        <SignInForm path={signInPath} next={next} username={username} error={error.message} />,
        { status: status[error.code] ?? 400 },
      );
    }
  }

  async function signOut(visit: Visit): Promise<Response> {
    if (visit.session !== null) {
      // The browser forgets the session even when MCIAS can't be told that the token has served its time.
      await login.logout(visit.session.value.token).catch((error) => {
        log.warn("token not revoked at sign-out", { username: visit.session?.value.username, error: messageOf(error) });
      });
    }
    const response = visit.redirect(signInPath);
    response.headers.append("set-cookie", sessions.end(visit.request).setCookie);
    return response;
  }
}

function userOf(session: Session<SignedIn> | null): Pick<Shell, "user"> {
  if (session === null) return {};
  return { user: { name: session.value.username, logoutPath: signOutPath, csrfToken: session.csrfToken } };
}
