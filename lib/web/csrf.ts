/**
 * Against requests that another site makes a browser send in its user's name.
 * @module
 */
import { denied } from "@lib/errors/mod.ts";
import type { Form } from "./form.ts";
import { sameText, type Session } from "./session_store.ts";

/** The hidden field of every form. */
export const csrfField = "csrf_token";

/**
 * Refuses what a browser says comes from elsewhere; for forms before there is a session, such as sign-in.
 * Browsers send Sec-Fetch-Site since 2020–2023 and Origin with every POST; a client that sends neither is no browser.
 * @throws PlatformError `denied`, rule `csrf`
 */
export function requireSameOrigin(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") refuse(`it comes from a page that is ${site}`);
  const origin = request.headers.get("origin");
  if (origin === null) return;
  // By host, not by scheme: behind the proxy the request reaches us in the clear.
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (!URL.canParse(origin) || new URL(origin).host !== host) refuse("its Origin is another site");
}

/**
 * For every form that changes something: same origin, and the session's token in the field `csrf_token`.
 * @throws PlatformError `denied`, rule `csrf`
 */
export function requireCsrf<T>(request: Request, form: Form, session: Session<T>): void {
  requireSameOrigin(request);
  if (!sameText(form.optional(csrfField) ?? "", session.csrfToken)) {
    refuse("its token is missing or of another session");
  }
}

function refuse(why: string): never {
  throw denied("csrf", `Form refused: ${why}`, { hint: "Load the page again and resend the form" });
}
