/**
 * Certificates that the agent keeps in files: those of the services' L7 routes, and the platform programs' own.
 *
 * A replaced certificate is kept beside its successor (`….previous`) until the deploy that replaced it is committed, so
 * that a failed one can go back. Each file is replaced by a rename; who reads a pair in between sees a key that doesn't fit
 * and keeps what it has.
 * @module
 */
import { join } from "node:path";
import { createCsr, exportKeyPem, generateKey, parseCertificate, type ParsedCertificate } from "@lib/pki/mod.ts";
import type { Issuer } from "./neighbours.ts";

/** A certificate and its key, PEM files. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** 30 days: longer than an operator's holiday, shorter than a third of the issuer's 90. */
const reuseMs = 30 * 24 * 3_600_000;

/** The files of a service's L7 certificate, where the ingress reads them. */
export function servicePair(certsDir: string, service: string): CertificatePair {
  return { cert: join(certsDir, `${service}.pem`), key: join(certsDir, `${service}.key`) };
}

/** The certificate in a file; null when there is none that can be read. */
export function readCertificate(path: string): ParsedCertificate | null {
  try {
    return parseCertificate(Deno.readTextFileSync(path));
  } catch {
    return null;
  }
}

/** Whether the certificate can serve exactly these names for 30 more days at `now` (ms since the epoch). */
export function isReusable(certificate: ParsedCertificate | null, names: readonly string[], now: number): boolean {
  return certificate !== null && certificate.notAfter.getTime() - now >= reuseMs &&
    [...certificate.names].sort().join() === [...names].sort().join();
}

/** Whether a third or less of the lifetime is left at `now` (ms since the epoch). */
export function isDue(certificate: ParsedCertificate, now: number): boolean {
  const lifetime = certificate.notAfter.getTime() - certificate.notBefore.getTime();
  return certificate.notAfter.getTime() - now <= lifetime / 3;
}

/** Makes a key, has it certified for `names` and writes both. @param keep leaves the pair before it as `….previous` */
export async function issuePair(
  issuer: Issuer,
  pair: CertificatePair,
  names: readonly string[],
  keep: boolean,
): Promise<ParsedCertificate> {
  const key = await generateKey("P-256");
  const chain = await issuer.sign(await createCsr({ key, names }));
  const keyPem = await exportKeyPem(key);
  if (keep && readCertificate(pair.cert) !== null && !exists(previous(pair).cert)) {
    Deno.copyFileSync(pair.key, previous(pair).key);
    // Last: where it is there, both are.
    Deno.copyFileSync(pair.cert, previous(pair).cert);
  }
  replaceFile(pair.key, keyPem);
  replaceFile(pair.cert, chain);
  return parseCertificate(chain);
}

/** Puts back what `issuePair` kept. @returns whether there was anything */
export function restorePair(pair: CertificatePair): boolean {
  if (!exists(previous(pair).cert)) return false;
  // Copied, then removed certificate first: cut off at any point, a second run ends the same.
  Deno.copyFileSync(previous(pair).key, pair.key);
  Deno.copyFileSync(previous(pair).cert, pair.cert);
  forgetPrevious(pair);
  return true;
}

/** Deletes what `issuePair` kept: the new pair is there to stay. */
export function forgetPrevious(pair: CertificatePair): void {
  removeFile(previous(pair).cert);
  removeFile(previous(pair).key);
}

/** Deletes the pair and what was kept, and revokes the certificate. A revocation that fails is not held against the removal. */
export async function removePair(issuer: Issuer, pair: CertificatePair): Promise<void> {
  const certificate = readCertificate(pair.cert);
  removeFile(pair.cert);
  removeFile(pair.key);
  forgetPrevious(pair);
  if (certificate !== null) await issuer.revoke(certificate.serial).catch(() => {});
}

function previous({ cert, key }: CertificatePair): CertificatePair {
  return { cert: `${cert}.previous`, key: `${key}.previous` };
}

function replaceFile(path: string, text: string): void {
  const next = `${path}.next`;
  Deno.writeTextFileSync(next, text, { mode: 0o600 });
  Deno.renameSync(next, path);
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
