/**
 * MCIAS, which knows accounts and their tokens: for the admin listeners, and for routes that ask for sign-in.
 * @module
 */
import { type Authenticate, type MciasLogin, mciasLogin, mciasVerifier } from "@lib/auth/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import type { Config } from "./config.ts";

export interface Mcias extends MciasLogin {
  /** As `MciasVerifier.verify` of lib/auth: an answer is used again for 30 s. */
  readonly verify: Authenticate;
}

/**
 * Connects on first use; null when none is configured.
 * @param service the name under which MCIAS's log knows log-ins here
 * @throws PlatformError `invalid` for a half configuration
 */
export function openMcias({ admin }: Config, service: string, clock: Clock): Mcias | null {
  const { mcias_addr: address, mcias_server_name: serverName, mcias_ca_cert: caFile } = admin;
  if (address === "") return null;
  if (caFile === "") {
    throw invalid("admin.mcias_ca_cert", "must be given with admin.mcias_addr: MCIAS isn't trusted without it");
  }
  const options = { address, serverName, ca: Deno.readTextFileSync(caFile) };
  const verifier = mciasVerifier({ ...options, clock });
  const login = mciasLogin(service, options);
  return {
    verify: verifier.verify,
    login: login.login,
    logout: login.logout,
    [Symbol.dispose]() {
      verifier.close();
      login[Symbol.dispose]();
    },
  };
}
