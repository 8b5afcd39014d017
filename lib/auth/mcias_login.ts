/**
 * Signing people in with their password, for services with pages of their own.
 * @module
 */
import { grpcClient } from "@lib/grpc/mod.ts";
import { AuthService } from "@proto/mcias/v1/mcias_pb.ts";
import type { MciasOptions } from "./mcias_verifier.ts";

/** MCIAS's log-in, with a connection of its own. */
export interface MciasLogin extends Disposable {
  /**
   * The token that MCIAS gives for the password.
   * @throws PlatformError `unauthenticated` for a wrong name or password, `rate_limited`, `unavailable`
   */
  login(username: string, password: string): Promise<string>;
  /** Revokes the token. */
  logout(token: string): Promise<void>;
}

/**
 * Connects on first use, like `mciasVerifier`.
 * @param service the name under which MCIAS's log knows these log-ins
 */
export function mciasLogin(service: string, options: Omit<MciasOptions, "clock" | "ttlMs">): MciasLogin {
  const client = grpcClient(AuthService, {
    address: options.address,
    tls: { ca: options.ca, serverName: options.serverName },
    // Checking a password costs MCIAS a fifth of a second, and several may wait in line.
    deadlineMs: options.deadlineMs ?? 10_000,
  });
  return {
    login: async (username, password) => (await client.login({ username, password, serviceName: service })).token,
    logout: async (token) => void await client.logout({}, { token }),
    [Symbol.dispose]: () => void client.close(),
  };
}
