/**
 * A certificate authority that speaks ACME with real clients, and looks the DNS-01 challenge (RFC 8555 §8.4) up at a
 * test's name server: no public CA can look into a test's zone.
 * @module
 */
import { type AcmeServer, acmeServer as serve } from "@lib/acme/testing/acme_server.ts";

export type { AcmeServer };

/** @param lookUp the TXT values at a name */
export async function acmeServer(lookUp: (name: string) => Promise<readonly string[]>): Promise<AcmeServer> {
  const server = await serve({ lookUp });
  server.authority.behaviour.challenges = ["dns-01"];
  return server;
}
