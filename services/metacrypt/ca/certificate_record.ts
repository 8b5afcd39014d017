/**
 * What is kept of an issued certificate, as the barrier encrypts it.
 * @module
 */
import { parseCertificate } from "@lib/pki/mod.ts";
import { type BarrierSession, tampered } from "../barrier/barrier.ts";
import type { CertificateRow } from "../store/certificate_store.ts";

export interface CertificateRecord {
  mount: string;
  /** Lower-case hex, 32 digits. */
  serial: string;
  names: string[];
  /** Leaf, then the issuers up to but without the root, PEM. */
  chainPem: string;
  /** ms since the epoch. */
  notBefore: number;
  notAfter: number;
  /** Username. */
  issuedTo: string;
  /** Of the issuer whose key signed it. */
  issuerId: string;
  /** ms since the epoch; null = not revoked. */
  revokedAt: number | null;
  /** Empty when not revoked. */
  revocationReason: string;
}

const pathOf = (mount: string, serial: string) => `ca/${mount}/certificates/${serial}`;

/** The record as it is stored, bound to its mount and serial. */
export async function sealRecord(
  session: BarrierSession,
  record: CertificateRecord,
): Promise<Uint8Array<ArrayBuffer>> {
  const plain = new TextEncoder().encode(JSON.stringify(record));
  return await session.encrypt(pathOf(record.mount, record.serial), plain);
}

/**
 * Reads a row and holds what stands in the clear against the record.
 * @throws internal when the row was tampered with
 */
export async function openRecord(session: BarrierSession, row: CertificateRow): Promise<CertificateRecord> {
  const path = pathOf(row.mount, row.serial);
  const record = JSON.parse(new TextDecoder().decode(await session.decrypt(path, row.record))) as CertificateRecord;
  if (record.notAfter !== row.notAfter) throw tampered(path, new Error("not_after differs from the record"));
  return record;
}

/** The record of a certificate just made. */
export function recordOf(
  facts: { mount: string; names: string[]; issuerId: string; issuedTo: string; leafPem: string; issuersPem: string },
): CertificateRecord {
  const { mount, names, issuerId, issuedTo, leafPem, issuersPem } = facts;
  const { serial, notBefore, notAfter } = parseCertificate(leafPem);
  return {
    mount,
    serial,
    names,
    chainPem: leafPem + issuersPem,
    notBefore: notBefore.getTime(),
    notAfter: notAfter.getTime(),
    issuedTo,
    issuerId,
    revokedAt: null,
    revocationReason: "",
  };
}
