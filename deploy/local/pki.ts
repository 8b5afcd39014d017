/**
 * The platform's root, which stays offline: its key is encrypted in the data folder and used here only, to sign
 * Metacrypt's issuer and the first certificates, which Metacrypt can't issue yet. The agent renews those from Metacrypt.
 * @module
 */
import {
  createCsr,
  createRoot,
  decryptKeyPem,
  encryptKeyPem,
  exportKeyPem,
  generateKey,
  importKeyPem,
  parseCertificate,
  type SigningIssuer,
  signIntermediate,
  signLeaf,
} from "@lib/pki/mod.ts";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import { exists, writeWhole } from "./files.ts";
import { type Layout, loopback, serviceZone } from "./layout.ts";

// Ten years and five: a root outlives the issuers below it, and both outlive every machine they are on.
const rootDays = 3650;
const issuerDays = 1825;
/** The system account that the agent works as, and its name in the service zone. */
export const agentAccount = "mcp-agent";
export const issuerName = "Metacircular Issuer";

/** The root, made at the first call. */
export async function rootOf(layout: Layout): Promise<SigningIssuer> {
  const { root, rootKey, rootPassphrase } = layout.pki;
  if (exists(root)) {
    const pem = await decryptKeyPem(Deno.readTextFileSync(rootKey), Deno.readTextFileSync(rootPassphrase).trim());
    return { certificatePem: Deno.readTextFileSync(root), key: await importKeyPem(pem) };
  }
  const passphrase = crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" });
  const made = await createRoot({ name: "Metacircular Root", days: rootDays });
  writeWhole(rootPassphrase, passphrase + "\n");
  writeWhole(rootKey, await encryptKeyPem(await exportKeyPem(made.key), passphrase));
  // Last: its presence says that the key is there too.
  writeWhole(root, made.certificatePem);
  return made;
}

/**
 * The first certificate of a service, unless it has one that is good still: its own name, and this machine's loopback
 * names. A platform that was down for longer than its certificates last begins with new ones of the root: Metacrypt,
 * which renews them while it runs, would not start with the old ones.
 */
export async function firstCertificate(
  layout: Layout,
  root: () => Promise<SigningIssuer>,
  service: string,
  name = service,
): Promise<void> {
  const [cert, key] = [layout.srv(service, "tls", "cert.pem"), layout.srv(service, "tls", "key.pem")];
  if (exists(cert) && !hasEnded(cert)) return;
  const pair = await generateKey();
  const names = [`${name}.${serviceZone}`, "localhost", loopback];
  const csr = await createCsr({ key: pair, names });
  writeWhole(key, await exportKeyPem(pair));
  writeWhole(cert, await signLeaf(await root(), csr, { names }));
}

/** Those of every program that the platform itself needs to come up. */
export async function firstCertificates(layout: Layout): Promise<void> {
  let made: Promise<SigningIssuer> | undefined;
  const root = () => made ??= rootOf(layout);
  await Promise.all([
    ...["mcias", "metacrypt", "mcns", "mcproxy", "mcr"].map((service) => firstCertificate(layout, root, service)),
    firstCertificate(layout, root, "mcpagent", agentAccount),
  ]);
}

function hasEnded(path: string): boolean {
  let notAfter: Date;
  try {
    notAfter = parseCertificate(Deno.readTextFileSync(path)).notAfter;
  } catch (error) {
    throw invalid(path, `can't be read as a certificate: ${messageOf(error)}`, {
      hint: "Delete it; deno task up makes a new one.",
    });
  }
  return notAfter.getTime() <= Date.now();
}

/** Signs Metacrypt's issuer: leaves only, for the service zone and this machine. @returns the chain, root last */
export async function signIssuer(root: SigningIssuer, csrPem: string): Promise<string> {
  const issuer = await signIntermediate(root, csrPem, {
    name: issuerName,
    days: issuerDays,
    permitted: [serviceZone, "localhost", "127.0.0.0/8"],
  });
  return issuer + root.certificatePem;
}
