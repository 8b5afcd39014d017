import type { DescService } from "@bufbuild/protobuf";
import { join } from "node:path";
import type { Operation } from "@lib/contract/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { type Script, scriptedOperations } from "./scripted_operations.ts";

/** What a command line's tests talk to instead of a service. */
export interface ScriptedServer<S extends Script> extends AsyncDisposable {
  /** The same object as was given. */
  readonly script: S;
  readonly operations: Operation[];
  /** Where the test's files are. */
  readonly folder: string;
  /** Writes a file. @returns its path */
  file(name: string, text: string): string;
  readonly certificates: CertificateFiles;
  /** Knows the token "good", an admin's. */
  authenticate(token: string): ReturnType<typeof callerOf>;
  /** The words, with the flags that mean this server and, unless they name another, a good token. */
  meant(words: readonly string[]): string[];
}

export interface ScriptedServerOptions<S extends Script> {
  /** The program under test. */
  program: string;
  /** In the certificate, beside localhost. */
  serverName: string;
  services: readonly DescService[];
  script: S;
}

/** A server that answers what its script says, over real gRPC with TLS. */
export async function scriptedServer<S extends Script>(options: ScriptedServerOptions<S>): Promise<ScriptedServer<S>> {
  const { program, serverName, services, script } = options;
  const folder = Deno.makeTempDirSync({ prefix: `${program}-` });
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const ca = await throwawayCa();
  const { cert, key } = await ca.issue(["localhost", "127.0.0.1", serverName]);
  const certificates = CertificateFiles.load({
    cert: file("cert.pem", cert),
    key: file("key.pem", key),
    log: silentLogger,
    pollMs: 0,
  });
  const operations = services.flatMap((service) => scriptedOperations(service, script));
  const server = await serveGrpc({
    ...{ address: "127.0.0.1:0", tls: certificates, log: silentLogger, operations },
    authenticate: callerOf,
  });
  const where = ["--server", server.address, "--ca", file("ca.pem", ca.root)];
  const token = file("token", "good\n");
  return {
    ...{ script, operations, folder, file, certificates, authenticate: callerOf },
    meant: (words) => [...words, ...where, ...(words.includes("--token-file") ? [] : ["--token-file", token])],
    async [Symbol.asyncDispose]() {
      await server.close(0);
      certificates.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

const admin = { subject: "1", username: "ada", accountType: "human" as const, roles: ["admin"], tokenId: "t" };

function callerOf(token: string): Promise<typeof admin | null> {
  return Promise.resolve(token === "good" ? admin : null);
}
