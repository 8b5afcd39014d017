/**
 * One request of a browser, as the handlers of pages see it.
 * @module
 */
import type { Child } from "@hono/hono/jsx";
import type { Caller } from "@lib/auth/mod.ts";
import type { Call } from "@lib/contract/mod.ts";
import { csrfField } from "./csrf.ts";
import { Form } from "./form.ts";
import { htmlResponse, Page, type PageProps } from "./page.tsx";
import type { Session } from "./session_store.ts";

/** What a session keeps. */
export interface SignedIn {
  /** The account's token. It never leaves the server. */
  readonly token: string;
  readonly username: string;
  /** Shown once, on the next page: what the last form did. */
  notice?: string;
}

/** Everything of a page but its content. */
export type Shell = Omit<PageProps, "title" | "children">;

export interface VisitFacts {
  readonly request: Request;
  readonly url: URL;
  /** The values of the address's places. */
  readonly params: Record<string, string>;
  /** What was posted; without fields for GET. */
  readonly form: Form;
  readonly session: Session<SignedIn> | null;
  /** Null without a session, on pages that are open to everybody. */
  readonly caller: Caller | null;
  readonly call: Call;
  readonly shell: Shell;
}

/** A visitor of a page that is open to everybody. */
export class Visit {
  readonly request: Request;
  readonly url: URL;
  readonly form: Form;
  readonly session: Session<SignedIn> | null;
  readonly caller: Caller | null;
  /** For the service's operations, see `localClient`. */
  readonly call: Call;
  readonly shell: Shell;
  readonly #params: Record<string, string>;

  constructor(facts: VisitFacts) {
    this.request = facts.request;
    this.url = facts.url;
    this.form = facts.form;
    this.session = facts.session;
    this.caller = facts.caller;
    this.call = facts.call;
    this.shell = facts.shell;
    this.#params = facts.params;
  }

  /** The value of a place of the address: of `{zone}` in `/zones/{zone}`. */
  param(name: string): string {
    const value = this.#params[name];
    if (value === undefined) throw new Error(`This page's address has no place {${name}}`);
    return value;
  }

  /** A parameter of the query, "" when it is missing. */
  query(name: string): string {
    return this.url.searchParams.get(name)?.trim() ?? "";
  }

  /** Answers with a page in the service's shell. */
  page(
    title: string,
    content: Child,
    init: { status?: number; heading?: Child; head?: Child; live?: boolean } = {},
  ): Promise<Response> {
    const { status = 200, ...rest } = init;
    const notice = this.session?.value.notice;
    if (this.session !== null) delete this.session.value.notice;
    return htmlResponse(
      <Page {...this.shell} title={title} {...(notice === undefined ? {} : { notice })} {...rest}>{content}</Page>,
      { status },
    );
  }

  /** Sends the browser to another page, as after a form, so that reloading doesn't send the form again. */
  redirect(to: string, notice?: string): Response {
    if (notice !== undefined && this.session !== null) this.session.value.notice = notice;
    return new Response(null, { status: 303, headers: { location: to, "cache-control": "no-store" } });
  }
}

/** A form's hidden field that proves that it comes from a page of this session. */
export function CsrfField({ visit }: { visit: Visit }) {
  return <input type="hidden" name={csrfField} value={visit.session?.csrfToken ?? ""} />;
}

/** The fields of a request without a form. */
export const noForm = new Form(new URLSearchParams());
