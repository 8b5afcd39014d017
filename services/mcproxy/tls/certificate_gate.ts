/**
 * A connection's client certificate, held against its name's route and the CA file as they are with each request.
 * @module
 */
import type { ClientGate } from "../relay/client_gate.ts";
import { type Page, page } from "../relay/pages.ts";
import type { LiveRoute } from "../routing/router.ts";
import type { ClientAuthority, ClientCertificate, ClientProof } from "./client_authority.ts";

export interface CertificateGateOptions {
  /** Of the handshake. */
  proof: ClientProof;
  /** The name's route for "/". */
  root: LiveRoute;
  /** Who vouches for the clients of that route now; null for nobody. */
  authority(root: LiveRoute): ClientAuthority | null;
  /** Milliseconds since the epoch. */
  now(): number;
  /** The connection is of no more use: a new one may be. */
  leave(): void;
}

/** See the module. */
export class CertificateGate implements ClientGate {
  readonly #options: CertificateGateOptions;
  /** The name's route for "/" as it was found last; whoever looks a route up sets it. */
  root: LiveRoute;

  constructor(options: CertificateGateOptions) {
    this.#options = options;
    this.root = options.root;
  }

  refusal(): Page | null {
    if (this.root.route.clientCert !== "required" || this.#taken() !== null) return null;
    this.#options.leave();
    const { problem } = this.#options.proof;
    // RFC 9110 §15.5.20: the route or the CAs have changed, or the certificate has ended, while the connection was open.
    if (problem === "") return fault(421, "this name asks for a client certificate now: connect again");
    return fault(403, problem);
  }

  field(): string {
    return this.#taken()?.field ?? "";
  }

  #taken(): ClientCertificate | null {
    const { proof: { certificate }, authority, now } = this.#options;
    if (certificate === null || this.root.route.clientCert === "") return null;
    return authority(this.root)?.stillTakes(certificate, now()) === true ? certificate : null;
  }
}

function fault(status: number, detail: string): Page {
  return { ...page(status, detail), closes: true };
}
