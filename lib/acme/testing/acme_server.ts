/** An {@linkcode Authority} behind real TLS on 127.0.0.1. For tests of ACME clients: no public CA can look into a test. */
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, exportKeyPem, generateKey, type MadeIssuer, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { Authority } from "./authority.ts";
import type { Reach } from "./validation.ts";

export interface AcmeServer extends AsyncDisposable {
  /** URL of the directory, on 127.0.0.1 with a certificate of `ca`. */
  readonly directory: string;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** PEM file of the CA: of the server's own certificate and of what it issues. */
  readonly ca: string;
  /** The same, PEM. */
  readonly caPem: string;
  readonly root: MadeIssuer;
  /** What the checks of challenges found, in order: "www.example.org valid". */
  readonly checks: readonly string[];
  readonly authority: Authority;
}

/**
 * @param reach where names lead
 * @param lifeMs of certificates; default 90 days
 */
export async function acmeServer(reach: Reach, lifeMs = 90 * 86_400_000): Promise<AcmeServer> {
  const folder = await Deno.makeTempDir({ prefix: "acme-" });
  const root = await createRoot({ name: "ACME test root", days: 400 });
  const key = await generateKey();
  const ca = join(folder, "ca.pem");
  await Deno.writeTextFile(ca, root.certificatePem);
  await Deno.writeTextFile(join(folder, "key.pem"), await exportKeyPem(key));
  await Deno.writeTextFile(
    join(folder, "cert.pem"),
    await signLeaf(root, key.publicKey, { names: ["localhost", "127.0.0.1"] }),
  );
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), log: silentLogger, clock: systemClock };
  const certificates = CertificateFiles.load(files);
  const authority = new Authority(
    reach,
    async (csr, names) =>
      await signLeaf(root, csr, { names, notAfter: new Date(Date.now() + lifeMs) }) + root.certificatePem,
  );
  const server = await serveHttp({
    address: "127.0.0.1:0",
    tls: certificates,
    log: silentLogger,
    fetch: (request) => authority.answer(request),
  });
  authority.base = `https://${server.address}`;
  return {
    directory: `${authority.base}/directory`,
    address: server.address,
    ca,
    caPem: root.certificatePem,
    root,
    checks: authority.checks,
    authority,
    async [Symbol.asyncDispose]() {
      await server.close(1000);
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
