/**
 * Public signing keys, by RPC and as a JWK set (RFC 7517 §5).
 * @module
 */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation } from "@lib/contract/mod.ts";
import { KeyService } from "@proto/mcias/v1/mcias_pb.ts";
import type { TokenAuthority } from "../tokens/token_authority.ts";

export function keyOperations(authority: TokenAuthority): Operation[] {
  return implement(KeyService, {
    listKeys: () => ({
      keys: authority.publicKeys().map(({ jwk, active, createdAt }) => ({
        kid: jwk.kid,
        alg: jwk.alg,
        jwk: JSON.stringify(jwk),
        active,
        createdAt: timestampFromMs(createdAt),
      })),
    }),
  });
}

/** Answers GET and HEAD /.well-known/jwks.json; null for every other request. */
export function jwksRoute(authority: TokenAuthority): (request: Request) => Promise<Response | null> {
  return (request) => {
    const { pathname } = new URL(request.url);
    const readable = request.method === "GET" || request.method === "HEAD";
    if (pathname !== "/.well-known/jwks.json" || !readable) return Promise.resolve(null);
    const body = JSON.stringify({ keys: authority.publicKeys().map(({ jwk }) => jwk) });
    return Promise.resolve(
      new Response(request.method === "HEAD" ? null : body, {
        headers: {
          "content-type": "application/jwk-set+json",
          // Five minutes: a rotated key is known to verifiers before the operator has closed the terminal.
          "cache-control": "public, max-age=300",
        },
      }),
    );
  };
}
