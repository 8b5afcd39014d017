/**
 * The pages of sign-in. They share their host with the routes' backends, so all that they load lies below `/.mcproxy/`,
 * and they run no script.
 * @module
 */
import type { Child } from "@hono/hono/jsx";
import { csrfField, htmlResponse, Page as Shell, SignInForm } from "@lib/web/mod.ts";
import { type Page, page } from "../relay/pages.ts";
import { assetsBelow, signInPath, signOutPath } from "./paths.ts";

const policy =
  "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface SignInProps {
  hostname: string;
  /** Path of this host; where it leads afterwards. */
  next: string;
  formToken: string;
  username?: string;
  error?: string;
  notice?: string;
  status?: number;
}

export function signInPage({ hostname, formToken, status = 200, ...form }: SignInProps): Promise<Response> {
  return shown(
    hostname,
    "Sign in",
    status,
    <SignInForm path={signInPath} {...form}>
      <input type="hidden" name={csrfField} value={formToken} />
    </SignInForm>,
  );
}

export interface SignedInProps {
  hostname: string;
  username: string;
  roles: readonly string[];
  formToken: string;
}

export function signedInPage({ hostname, username, roles, formToken }: SignedInProps): Promise<Response> {
  return shown(
    hostname,
    "Signed in",
    200,
    <form method="post" action={signOutPath} class="narrow">
      <input type="hidden" name={csrfField} value={formToken} />
      <p>
        You are signed in to {hostname} as <strong>{username}</strong>
        {roles.length === 0 ? "." : ` (${roles.join(", ")}).`}
      </p>
      <p class="actions">
        <button type="submit">Sign out</button> <a href="/">To {hostname}</a>
      </p>
    </form>,
  );
}

/** A message in place of a form. */
export function messagePage(hostname: string, title: string, status: number, text: string): Promise<Response> {
  return shown(hostname, title, status, <p class="notice bad narrow">{text}</p>);
}

export interface DeniedProps {
  hostname: string;
  username: string;
  /** In words. */
  needs: string;
}

/** @param isHtml for a browser */
export async function deniedPage({ hostname, username, needs }: DeniedProps, isHtml: boolean): Promise<Page> {
  if (!isHtml) return page(403, `${username} may not pass: this is for ${needs}`);
  return await answerOf(
    await shown(
      hostname,
      "Not for this account",
      403,
      <div class="narrow">
        <p class="notice bad">
          You are signed in as <strong>{username}</strong>, and this is for {needs}.
        </p>
        <p class="actions">
          <a class="button" href={signOutPath}>Sign in as somebody else</a> <a href="/">To {hostname}</a>
        </p>
      </div>,
    ),
  );
}

/** For a token that is good, and not for this. @param isHtml for a browser */
export async function refusedPage(hostname: string, why: string, isHtml: boolean): Promise<Page> {
  return isHtml ? await answerOf(await messagePage(hostname, "Not allowed", 403, why)) : page(403, why);
}

/** @param isHtml for a browser */
export async function unavailablePage(hostname: string, isHtml: boolean): Promise<Page> {
  const text = "who you are can't be checked at the moment; try again shortly";
  if (!isHtml) return page(503, text);
  const said = `${text[0]!.toUpperCase()}${text.slice(1)}.`;
  return await answerOf(await messagePage(hostname, "Not available", 503, said));
}

function shown(hostname: string, title: string, status: number, content: Child): Promise<Response> {
  return htmlResponse(
    <Shell service={hostname} title={title} assetsBelow={assetsBelow}>{content}</Shell>,
    { status, headers: { "content-security-policy": policy } },
  );
}

/** A response as the relay sends it. */
export async function answerOf(response: Response): Promise<Page> {
  const { status, headers } = response;
  const type = headers.get("content-type");
  const cacheControl = headers.get("cache-control");
  // Whether a name is for HTTPS alone, on all of its ports and for years, is not the proxy's to say.
  const left = ["content-type", "cache-control", "strict-transport-security"];
  return {
    status,
    body: await response.text(),
    fields: [...headers].filter(([name]) => !left.includes(name)),
    ...(type === null ? {} : { type }),
    ...(cacheControl === null ? {} : { cacheControl }),
    closes: false,
  };
}
