/**
 * certbot at a test's certificate authority, with the hooks of deploy/examples/certbot.
 * @module
 */
import { join } from "node:path";
import { root } from "../platform.ts";
import type { AcmeServer } from "./acme_server.ts";
import { run } from "./dns_transfer_servers.ts";

export interface CertbotOptions {
  /** For everything that certbot keeps. */
  readonly folder: string;
  readonly acme: AcmeServer;
  /** A hook of the examples, or the path of another program. */
  readonly authHook: string;
  readonly cleanupHook: string;
  /** Of the hooks. */
  readonly env: Record<string, string>;
}

/** Asks for a certificate for www.example.org. @returns what it prints @throws Error with that, when it fails */
export function certbot({ folder, acme, authHook, cleanupHook, env }: CertbotOptions): Promise<string> {
  const hook = (name: string) => join(root, "deploy/examples/certbot", name);
  return run("certbot", [
    ...["certonly", "--manual", "--preferred-challenges", "dns", "--non-interactive", "--agree-tos"],
    ...["--email", "ada@example.org", "--server", acme.directory, "--domain", "www.example.org"],
    ...["--manual-auth-hook", authHook.startsWith("/") ? authHook : hook(authHook)],
    ...["--manual-cleanup-hook", hook(cleanupHook)],
    ...["config", "work", "logs"].flatMap((kind) => [`--${kind}-dir`, join(folder, kind)]),
  ], { env: { REQUESTS_CA_BUNDLE: acme.ca, ...env } });
}
