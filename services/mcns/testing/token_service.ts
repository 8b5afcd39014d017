/** MCIAS as MCNS sees it: over gRPC with TLS, it knows some tokens. */
import type { Caller } from "@lib/auth/mod.ts";
import { implement } from "@lib/contract/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { CertificateFiles } from "@lib/tls/mod.ts";
import { TokenService } from "@proto/mcias/v1/mcias_pb.ts";

export interface TestTokenService {
  address: string;
  close(): Promise<void>;
}

export async function serveTokens(
  tls: CertificateFiles,
  tokens: ReadonlyMap<string, Caller>,
): Promise<TestTokenService> {
  const never = () => {
    throw new PlatformError("internal", "MCNS has no business here");
  };
  const operations = implement(TokenService, {
    validateToken: ({ token, takesScopes }) => {
      const identity = tokens.get(token);
      const isRefused = identity?.scopes !== undefined && !takesScopes;
      return identity === undefined || isRefused ? { valid: false } : { valid: true, identity: shown(identity) };
    },
    issueToken: never,
    listTokens: never,
    revokeToken: never,
  });
  const server = await serveGrpc({
    address: "127.0.0.1:0",
    tls,
    operations,
    authenticate: () => Promise.resolve(null),
    log: silentLogger,
  });
  return { address: server.address, close: () => server.close(1000) };
}

function shown({ subject, username, accountType, roles, tokenId, scopes = [] }: Caller) {
  return { subject, username, accountType, roles, tokenId, scopes: [...scopes] };
}
