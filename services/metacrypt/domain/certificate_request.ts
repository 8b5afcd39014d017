/**
 * What a request must be beyond well-formed before policy is asked.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** The facts of a decoded request. */
export interface RequestFacts {
  names: readonly string[];
  /** Empty when the subject has none. */
  commonName: string;
  /** Its signature is by the key that it names. */
  verified: boolean;
}

/**
 * Checks proof of possession, that it names something, and that its common name hides nothing.
 * @throws invalid("csr")
 */
export function checkRequest(request: RequestFacts): void {
  if (!request.verified) throw invalid("csr", "its signature does not prove possession of the private key");
  if (request.names.length === 0) {
    throw invalid("csr", "it has no subjectAltName; name at least one DNS name or IP address there");
  }
  // RFC 6125 §6.4.4: names count only in subjectAltName. A common name that isn't among them would look granted.
  if (request.commonName !== "" && !request.names.includes(request.commonName)) {
    throw invalid("csr", `its common name ${quote(request.commonName)} is not among its subjectAltNames`);
  }
}
