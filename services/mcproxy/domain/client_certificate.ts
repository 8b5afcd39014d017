/**
 * Whether a name asks its clients for certificates, and who vouches for them.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { certificatePath } from "./certificate_path.ts";

/** "": not asked. "asked": who has none goes on without. "required": who has none gets nothing. */
export type ClientCertMode = "" | "asked" | "required";

/** Of a route for "/": it holds for the name, whose handshake it is part of. */
export interface ClientCertificates {
  /** Absolute path of a PEM file of CA certificates, below the certificate folder; "" when nobody is asked. */
  readonly clientCa: string;
  readonly clientCert: ClientCertMode;
}

/**
 * @param path the route's
 * @param dir absolute path of the certificate folder
 * @throws PlatformError `invalid` on client_cert or client_ca
 */
export function parseClientCertificates(
  { clientCa = "", clientCert = "" }: { clientCa?: string; clientCert?: string },
  path: string,
  dir: string,
): ClientCertificates {
  if (clientCert !== "" && clientCert !== "asked" && clientCert !== "required") {
    throw invalid("client_cert", `must be "", "asked" or "required", got ${quote(clientCert)}`);
  }
  if (clientCert === "") {
    if (clientCa === "") return { clientCa, clientCert };
    throw invalid("client_ca", `is for client_cert "asked" or "required", got ${quote(clientCa)} without`);
  }
  if (path !== "/") {
    throw invalid(
      "client_cert",
      `is asked for on the route for "/", whose handshake it is part of, got ${quote(path)}`,
    );
  }
  if (clientCa === "") {
    throw invalid("client_ca", `must be the path of a PEM file below ${dir}: whose certificates are taken`);
  }
  return { clientCa: certificatePath(clientCa, dir, "client_ca"), clientCert };
}
