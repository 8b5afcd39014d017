/**
 * What stands before the backends of a name of which some route asks for sign-in.
 * @module
 */
import type { SignIn } from "../domain/sign_in.ts";
import type { RequestHead } from "./message.ts";
import type { Page } from "./pages.ts";

/** What is to become of a request: an answer of ours, or on to a backend, without what is none of its business. */
export type Decision =
  | { readonly answer: Page; readonly user: string }
  | { readonly answer: null; readonly request: RequestHead; readonly user: string };

/** Whose request it is, and whether it may pass. */
export interface Gate {
  /** Whether the proxy itself answers there: its pages of sign-in. */
  owns(target: string): boolean;
  /** @param form the request's body. Never rejects but with what `form` rejects with. */
  visit(request: RequestHead, at: Place, form: () => Promise<string>): Promise<Decision>;
  /** @param rule the route's; null lets everybody pass. Never rejects. */
  admit(request: RequestHead, at: Place, rule: SignIn | null): Promise<Decision>;
}

export interface Place {
  /** The name in SNI. */
  readonly hostname: string;
  /** The client's address. */
  readonly remote: string;
}
