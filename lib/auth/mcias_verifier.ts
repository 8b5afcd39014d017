/**
 * Token verification by a running MCIAS, over gRPC.
 * @module
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Clock, systemClock } from "@lib/clock/mod.ts";
import { refuseScopes } from "@lib/contract/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { type Authenticate, type Caller } from "./caller.ts";
import { TokenVerifier } from "./token_verifier.ts";

export interface MciasOptions {
  /** "host:port" of MCIAS's gRPC listener: `config.mcias.address`. */
  readonly address: string;
  /** The name that its certificate must carry: `config.mcias.server_name`. */
  readonly serverName: string;
  /** The platform's root certificate, PEM text (not a path). */
  readonly ca: string;
  readonly clock?: Clock;
  /** How long an answer is used again; default 30,000. */
  readonly ttlMs?: number;
  /** How long MCIAS may take to answer; default 5,000. */
  readonly deadlineMs?: number;
}

/** A `TokenVerifier` with a connection of its own. */
export interface MciasVerifier extends Disposable {
  /**
   * See `TokenVerifier.verify`; bound, so that it can be passed on. Throws `denied` (rule "token-scopes") for a token
   * with scopes: callers have all the rights of their account.
   */
  readonly verify: Authenticate;
  /** The same with callers whose token has scopes: for operations, which refuse those that they don't take. */
  readonly verifyScoped: Authenticate;
  /** Forgets every cached answer. */
  clear(): void;
  close(): void;
}

/** Connects on first use and again after a loss; nothing fails here when MCIAS is down. Close it at shutdown. */
export function mciasVerifier(options: MciasOptions): MciasVerifier {
  const client = grpcClient(TokenService, {
    address: options.address,
    tls: { ca: options.ca, serverName: options.serverName },
    deadlineMs: options.deadlineMs ?? 5_000,
  });
  const verifier = new TokenVerifier({
    clock: options.clock ?? systemClock,
    ttlMs: options.ttlMs ?? 30_000,
    validate: async (token): Promise<Caller | null> => {
      const { valid, identity } = await client.validateToken({ token, takesScopes: true });
      if (!valid || identity === undefined) return null;
      const { accountType } = identity;
      if (accountType !== "human" && accountType !== "system") return null;
      return {
        subject: identity.subject,
        username: identity.username,
        accountType,
        roles: identity.roles,
        tokenId: identity.tokenId,
        ...(identity.expiresAt === undefined ? {} : { expiresAt: timestampMs(identity.expiresAt) }),
        ...(identity.scopes.length === 0 ? {} : { scopes: identity.scopes }),
      };
    },
  });
  return {
    async verify(token) {
      const caller = await verifier.verify(token);
      if (caller !== null) refuseScopes(caller, "use this service");
      return caller;
    },
    verifyScoped: (token) => verifier.verify(token),
    clear: () => verifier.clear(),
    close: () => client.close(),
    [Symbol.dispose]: () => client.close(),
  };
}
