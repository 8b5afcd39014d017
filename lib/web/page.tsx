/**
 * The shell of every page: title, navigation, who is signed in, one stylesheet.
 * @module
 */
import type { Child } from "@hono/hono/jsx";
import { errorTable, messageOf, toPlatformError } from "@lib/errors/mod.ts";
import { liveRegionUrl, stylesheetUrl } from "./assets.ts";
import { csrfField } from "./csrf.ts";
import { isSecureVisit, setPageHeaders } from "./security_headers.ts";

/** A link of the navigation. */
export interface NavLink {
  href: string;
  text: string;
}

export interface PageProps {
  /** The service's name, shown at the top and at the end of the window's title. */
  service: string;
  title: string;
  /** In place of the title at the top of the content. */
  heading?: Child;
  nav?: NavLink[];
  /** The request's path; the link that leads to it or to what it is below of is marked as the current one. */
  path?: string;
  /** In front of the addresses of stylesheet and script, where pages share their host with others: "/.mcproxy". */
  assetsBelow?: string;
  /** What the last form did, shown above the content. */
  notice?: string;
  /** The page has a region marked `data-live="<seconds>"`, which is kept fresh. */
  live?: boolean;
  /** More for the document's head. */
  head?: Child;
  /** Who is signed in, and how to sign out: a form with the session's CSRF token. */
  user?: { name: string; logoutPath: string; csrfToken: string };
  children?: Child;
}

/** Links of a navigation; the one to `path`, or else the one to what `path` is below of, is marked as the current one. */
export function NavLinks({ links, path }: { links: readonly NavLink[]; path: string }) {
  const exact = links.some(({ href }) => href === path);
  return links.map(({ href, text }) => {
    if (href === path) return <a href={href} aria-current="page">{text}</a>;
    if (!exact && path.startsWith(`${href}/`)) return <a href={href} aria-current="true">{text}</a>;
    return <a href={href}>{text}</a>;
  });
}

/** A whole document but for the doctype, which {@linkcode htmlResponse} writes. */
export function Page(
  { service, title, heading, nav = [], path, assetsBelow = "", notice, live, head, user, children }: PageProps,
) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title === service ? title : `${title} – ${service}`}</title>
        <link rel="stylesheet" href={assetsBelow + stylesheetUrl} />
        <link rel="icon" href="data:," />
        {live ? <script type="module" src={assetsBelow + liveRegionUrl} /> : null}
        {head}
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="top">
          <a class="service" href="/">{service}</a>
          {nav.length === 0 ? null : (
            <nav aria-label="Main">
              <NavLinks links={nav} path={path ?? ""} />
            </nav>
          )}
          {user === undefined ? null : (
            <form method="post" action={user.logoutPath} class="user">
              <input type="hidden" name={csrfField} value={user.csrfToken} />
              <span class="faint">{user.name}</span> <button class="plain" type="submit">Sign out</button>
            </form>
          )}
        </header>
        <main id="main">
          {notice === undefined ? null : <p class="notice good" role="status">{notice}</p>}
          <h1>{heading ?? title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

/** Renders a document; carries the headers of {@linkcode setPageHeaders} and is not cached. */
export async function htmlResponse(
  document: Child,
  init: { status?: number; headers?: HeadersInit } = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("content-type", "text/html; charset=utf-8");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  setPageHeaders(headers);
  return new Response(`<!doctype html>${await document}`, { status: init.status ?? 200, headers });
}

/**
 * The answer to a visit in the clear, or null for a secure one. Without it a sign-in would go in circles in silence:
 * browsers don't keep the session's cookie without HTTPS.
 */
export function plaintextNotice(
  request: Request,
  shell: Omit<PageProps, "title" | "children">,
): Promise<Response> | null {
  if (isSecureVisit(request)) return null;
  const secure = new URL(request.url);
  secure.protocol = "https:";
  return htmlResponse(
    <Page {...shell} title="HTTPS needed">
      <p class="notice bad">This page was reached without HTTPS, so nobody can sign in here.</p>
      <p>
        Use the service's HTTPS address, for example{" "}
        <a href={secure.href}>{secure.href}</a>. Behind a proxy that terminates TLS, the proxy must send{" "}
        <code>x-forwarded-proto: https</code>.
      </p>
    </Page>,
    { status: 400 },
  );
}

/** An error as a page: what is fit to show of it, the status of the error table, the request id for the operator. */
export function errorPage(
  error: unknown,
  shell: Omit<PageProps, "title" | "children">,
  requestId: string,
): Promise<Response> {
  const known = toPlatformError(error);
  const { http, title } = errorTable[known.code];
  return htmlResponse(
    <Page {...shell} title={title}>
      <p class="notice bad">{messageOf(known)}</p>
      {known.hint === undefined ? null : <p>{known.hint}</p>}
      <p class="faint">Request {requestId}</p>
    </Page>,
    { status: http },
  );
}
