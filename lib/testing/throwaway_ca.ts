/** Certificates for tests, under a root that is gone with the test. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 86_400_000;

/** A certificate with its key, PEM. */
export interface Issued {
  cert: string;
  key: string;
}

/** Issues leaf certificates under a root of its own. */
export interface ThrowawayCa {
  /** The root, PEM. */
  root: string;
  /**
   * Valid from a day ago until `notAfter`, by default in 30 days, which no health check warns of.
   * Names that read as IPv4 or IPv6 become IP names.
   */
  issue(names: string[], notAfter?: Date): Promise<Issued>;
}

let serial = 1;

/** A fresh root. */
export async function throwawayCa(): Promise<ThrowawayCa> {
  const rootKeys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Throw-away root",
    keys: rootKeys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 3650 * dayMs),
    notAfter: new Date(Date.now() + 3650 * dayMs),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    root: root.toString("pem"),
    async issue(names, notAfter = new Date(Date.now() + 30 * dayMs)) {
      const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const cert = await x509.X509CertificateGenerator.create({
        serialNumber: (serial++).toString(16).padStart(2, "0"),
        subject: "CN=leaf",
        issuer: root.subject,
        notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - dayMs),
        notAfter,
        publicKey: keys.publicKey,
        signingKey: rootKeys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: /^[0-9.]+$|:/.test(value) ? "ip" as const : "dns" as const, value })),
          ),
        ],
      });
      const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
      return { cert: cert.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
    },
  };
}

/** The paths of a certificate and its key. */
export interface IssuedFiles {
  cert: string;
  key: string;
}

/** Puts both into files as an issuer does it: written beside, then renamed into place. */
export async function writeIssued(directory: string, issued: Issued): Promise<IssuedFiles> {
  const files = { cert: `${directory}/cert.pem`, key: `${directory}/key.pem` };
  for (const part of ["key", "cert"] as const) {
    await Deno.writeTextFile(`${files[part]}.new`, issued[part]);
    await Deno.rename(`${files[part]}.new`, files[part]);
  }
  return files;
}
