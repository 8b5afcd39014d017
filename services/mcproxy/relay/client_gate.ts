/**
 * Whether a connection may ask for anything of its name, by the certificate that its client has shown.
 * @module
 */
import type { Page } from "./pages.ts";

/** Asked for each request, since routes and the CAs that are taken change while connections are open. */
export interface ClientGate {
  /** What is answered for want of a certificate that is taken now; null lets the request pass. */
  refusal(): Page | null;
  /** The field Client-Cert for the backend (RFC 9440); "" when it gets none. */
  field(): string;
}
