/**
 * MCIAS as the proxy sees it, for tests: over gRPC with TLS, it knows some accounts. An account's password is
 * "password of NAME", its token "token.of.NAME", until that is revoked, and "scoped.of.NAME" one with a scope.
 * @module
 */
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement } from "@lib/contract/mod.ts";
import { PlatformError, unauthenticated } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { AuthService, TokenService } from "@proto/mcias/v1/mcias_pb.ts";

/** Roles by name; null for a system account. */
export type TestAccounts = Record<string, string[] | null>;

export interface TestMcias extends AsyncDisposable {
  /** The lines of `[admin]` that a proxy needs to ask it. */
  readonly toml: string;
  /** Tokens that were asked about, in order. */
  readonly asked: string[];
  readonly revoked: Set<string>;
  /** From here on nobody answers. */
  stop(): Promise<void>;
}

const name = "mcias.svc.mcp.metacircular.net";

export async function testMcias(accounts: TestAccounts): Promise<TestMcias> {
  const dir = await Deno.makeTempDir({ prefix: "mcias-" });
  const authority = await throwawayCa();
  const { cert, key } = await authority.issue([name]);
  const files = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem"), root: join(dir, "root.pem") };
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key);
  await Deno.writeTextFile(files.root, authority.root);
  const tls = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0 });
  const asked: string[] = [];
  const revoked = new Set<string>();
  const expiresAt = timestampFromMs(Date.now() + 3_600_000);
  const identityOf = (token: string) => {
    const username = /^(?:token|scoped)\.of\.(.*)$/.exec(token)?.[1] ?? "";
    const roles = accounts[username];
    if (roles === undefined || revoked.has(token)) return undefined;
    const scopes = token.startsWith("scoped") ? ["mcns:record:a.test"] : [];
    const accountType = roles === null ? "system" : "human";
    return { subject: username, username, accountType, roles: roles ?? [], tokenId: token, expiresAt, scopes };
  };
  const never = () => {
    throw new PlatformError("internal", "the proxy has no business here");
  };
  const operations = [
    ...implement(AuthService, {
      login: ({ username, password }) => {
        if (password !== `password of ${username}`) throw unauthenticated("Wrong username or password");
        return { token: `token.of.${username}`, expiresAt };
      },
      logout: (_request, { token = "" }) => {
        revoked.add(token);
        return {};
      },
      renew: never,
    }),
    ...implement(TokenService, {
      validateToken: ({ token }) => {
        asked.push(token);
        const identity = identityOf(token);
        return identity === undefined ? { valid: false } : { valid: true, identity };
      },
      issueToken: never,
      listTokens: never,
      revokeToken: never,
    }),
  ];
  const server = await serveGrpc({
    address: "127.0.0.1:0",
    tls,
    operations,
    authenticate: (token) => {
      const identity = identityOf(token);
      if (identity === undefined) return Promise.resolve(null);
      return Promise.resolve({ ...identity, accountType: "human" as const, expiresAt: Date.now() + 60_000 });
    },
    log: silentLogger,
  });
  let stopped: Promise<void> | null = null;
  const stop = () => stopped ??= server.close(0).then(() => tls.close());
  return {
    toml: `[admin]\nmcias_addr = "${server.address}"\nmcias_ca_cert = "${files.root}"\n`,
    asked,
    revoked,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(dir, { recursive: true });
    },
  };
}
