/**
 * Signing in with name and password, and the way back to where the visitor wanted to go.
 * @module
 */
import type { Child } from "@hono/hono/jsx";
import { stylesheetUrl } from "./assets.ts";

export interface SignInProps {
  path: string;
  /** Where it leads afterwards. */
  next: string;
  username?: string;
  /** Why the last attempt failed. */
  error?: string;
  notice?: string;
  /** More fields. */
  children?: Child;
}

export function SignInForm({ path, next, username = "", error, notice, children }: SignInProps) {
  return (
    <form method="post" action={path} class="narrow sign-in">
      {notice === undefined ? null : <p class="notice" role="status">{notice}</p>}
      {error === undefined ? null : <p class="notice bad" role="alert" id="sign-in-error">{error}</p>}
      <input type="hidden" name="next" value={next} />
      {children}
      <div class="field">
        <label for="username">Username</label>
        <input
          id="username"
          name="username"
          value={username}
          required
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          autofocus={username === ""}
        />
      </div>
      <div class="field">
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          required
          autocomplete="current-password"
          autofocus={username !== ""}
        />
      </div>
      <p>
        <button type="submit">Sign in</button>
      </p>
      <p class="faint">With your account of this platform (MCIAS).</p>
    </form>
  );
}

/** Leads the browser to the same address once more, now coming from this host, so that it sends its Strict cookie. */
export function ReturnPage({ service, to }: { service: string; to: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="refresh" content={`0; url=${to}`} />
        <title>{service}</title>
        <link rel="stylesheet" href={stylesheetUrl} />
      </head>
      <body>
        <main>
          <p>
            <a href={to}>Continue to {service}</a>
          </p>
        </main>
      </body>
    </html>
  );
}

/** `next` when it is an address of this host, else `home`: a link to the sign-in page must not lead elsewhere afterwards. */
export function safeReturn(next: string, home: string): string {
  const host = "https://this.invalid";
  if (!next.startsWith("/") || !URL.canParse(next, host)) return home;
  const url = new URL(next, host);
  // "/.//elsewhere" comes out of the parser as "//elsewhere", which browsers take for another host.
  return url.origin === host && !url.pathname.startsWith("//") ? url.pathname + url.search : home;
}
