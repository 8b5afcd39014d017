/** Who stands behind a name and a password: MCIAS decides. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Authenticate, Caller } from "@lib/auth/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { AuthService } from "@proto/mcias/v1/mcias_pb.ts";

/** A login at MCIAS. */
export interface Login {
  readonly caller: Caller;
  /** The MCIAS token that the login made. */
  readonly token: string;
}

/** What the registry needs of MCIAS. Both throw `unavailable` when it does not answer. */
export interface Identity {
  /** Null for a wrong name or password. */
  login(username: string, password: string): Promise<Login | null>;
  /** Null for a token that is not good. */
  readonly verify: Authenticate;
  /** Ends a login whose token nobody was given. Never throws: the token runs out by itself. */
  logout(token: string): Promise<void>;
}

export interface MciasOptions {
  address: string;
  serverName: string;
  /** PEM. */
  ca: string;
  verify: Authenticate;
}

/** Asks a running MCIAS over gRPC; connects on first use. */
export function mciasIdentity({ address, serverName, ca, verify }: MciasOptions): Identity & AsyncDisposable {
  const connection = { address, tls: { ca, serverName } };
  const client = grpcClient(AuthService, connection);
  return {
    verify,
    async login(username, password) {
      try {
        const { token, identity } = await client.login({ username, password, serviceName: "mcr" });
        if (identity === undefined) return null;
        const { accountType } = identity;
        if (accountType !== "human" && accountType !== "system") return null;
        return {
          token,
          caller: {
            subject: identity.subject,
            username: identity.username,
            accountType,
            roles: identity.roles,
            tokenId: identity.tokenId,
            ...(identity.expiresAt === undefined ? {} : { expiresAt: timestampMs(identity.expiresAt) }),
          },
        };
      } catch (error) {
        if (error instanceof PlatformError && refusals.has(error.code)) return null;
        throw error;
      }
    },
    async logout(token) {
      // A client of its own, because a client has one bearer token for all its calls.
      await using own = grpcClient(AuthService, { ...connection, token: () => token });
      await own.logout({}).catch(() => {});
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** MCIAS says invalid for a name that can't be one; the registry's client gave a wrong name all the same. */
const refusals: ReadonlySet<string> = new Set(["unauthenticated", "invalid", "denied"]);
