/**
 * Certificates: sign, record, find, revoke. A certificate is committed, with its audit row, before it is handed out.
 * @module
 */
import type { AuditLog } from "@lib/audit/mod.ts";
import { conflict, notFound, quote } from "@lib/errors/mod.ts";
import { parseSubjectNames, permits, signLeaf } from "@lib/pki/mod.ts";
import { type Barrier, tampered } from "../barrier/barrier.ts";
import type { Actor } from "../barrier/seal.ts";
import type { RevocationReason } from "../domain/revocation_reason.ts";
import { validityWithin } from "../domain/validity.ts";
import type { CertificateStore } from "../store/certificate_store.ts";
import type { Transactions } from "../store/transactions.ts";
import { type CertificateRecord, openRecord, recordOf, sealRecord } from "./certificate_record.ts";
import type { Issuers } from "./issuers.ts";

export interface CertificatesOptions {
  db: Transactions;
  store: CertificateStore;
  audit: AuditLog;
  barrier: Barrier;
  issuers: Issuers;
  /** Default and greatest validity, seconds. */
  maxTtlSeconds: number;
  now: () => number;
}

/** A certificate to make; names and caller were checked. */
export interface Order {
  mount: string;
  names: string[];
  publicKey: CryptoKey;
  /** 0 = the setting. */
  ttlSeconds: number;
}

/** One page of records, newest first. */
export interface RecordPage {
  records: CertificateRecord[];
  /** Where the next page begins; null after the last. */
  next: number | null;
}

/** Rows read at once, and at most for one page: a filter that fits little must not read the whole table. */
const batchRows = 100;
const maxRowsPerPage = 2000;

/** The certificates of all mounts. */
export class Certificates {
  readonly #parts: CertificatesOptions;

  constructor(parts: CertificatesOptions) {
    this.#parts = parts;
  }

  /**
   * Signs and records.
   * @param rule the policy rules that allowed it, for the audit row
   * @throws sealed, conflict (no issuer, one about to end, one that may not certify a name), invalid("ttl_seconds")
   */
  async sign(order: Order, actor: Actor, rule: string): Promise<CertificateRecord> {
    const { db, store, audit, barrier, issuers, maxTtlSeconds, now } = this.#parts;
    const session = barrier.session();
    const issuer = await issuers.active(order.mount);
    for (const name of parseSubjectNames(order.names)) {
      if (permits(issuer.certificate.permitted, name)) continue;
      throw conflict(`Cannot issue for ${quote(name.value)}: the issuer's name constraints don't permit it`, {
        hint: "Have the root sign an issuer that permits the name.",
      });
    }
    const validity = validityWithin({
      now: now(),
      ttlSeconds: order.ttlSeconds,
      maxTtlSeconds,
      issuerNotBefore: issuer.certificate.notBefore.getTime(),
      issuerNotAfter: issuer.certificate.notAfter.getTime(),
    });
    const leafPem = await signLeaf(issuer, order.publicKey, { names: order.names, ...validity });
    const { mount, names } = order;
    const { id: issuerId, issuersPem } = issuer;
    const record = recordOf({ mount, names, issuerId, issuedTo: actor.username, leafPem, issuersPem });
    const sealedRecord = await sealRecord(session, record);
    db.write((at) => {
      // Sealed since it was signed: it was never issued then.
      session.requireOpen();
      store.add({ mount, serial: record.serial, notAfter: record.notAfter, record: sealedRecord }, names, at);
      audit.record(at, {
        actor: actor.username,
        remote: actor.remote,
        action: "certificate.issue",
        target: names.join(" "),
        detail: `rule=${rule} mount=${mount} serial=${record.serial} until=${new Date(record.notAfter).toISOString()}`,
      });
    });
    return record;
  }

  /** @throws sealed, not_found, internal when the row was tampered with */
  async get(mount: string, serial: string): Promise<CertificateRecord> {
    const session = this.#parts.barrier.session();
    const row = this.#parts.store.get(mount, normalSerial(serial));
    if (row === null) throw notFound("certificate", serial);
    return await openRecord(session, row);
  }

  /**
   * Newest first; `visible` leaves out what the caller may not read.
   * @param before only those issued before this id; null: from the newest
   */
  async list(
    query: { mount: string; name: string; before: number | null; limit: number },
    visible: (record: CertificateRecord) => boolean,
  ): Promise<RecordPage> {
    const { store, barrier } = this.#parts;
    const session = barrier.session();
    const records: CertificateRecord[] = [];
    let { before } = query;
    for (let read = 0; read < maxRowsPerPage;) {
      const rows = store.list({ ...query, before, limit: batchRows });
      for (const row of rows) {
        before = row.id;
        const record = await openRecord(session, row);
        if (query.name !== "" && !record.names.includes(query.name)) {
          throw tampered(`ca/${row.mount}/certificates/${row.serial}`, new Error("listed under a name it lacks"));
        }
        if (visible(record)) records.push(record);
        if (records.length === query.limit) return { records, next: before };
      }
      if (rows.length < batchRows) return { records, next: null };
      read += rows.length;
    }
    return { records, next: before };
  }

  /**
   * Revokes. One that is revoked already keeps its first time and reason.
   * @throws sealed, not_found
   */
  async revoke(
    mount: string,
    serial: string,
    reason: RevocationReason,
    actor: Actor,
    rule: string,
  ): Promise<CertificateRecord> {
    const { db, store, audit, barrier, now } = this.#parts;
    const session = barrier.session();
    const row = store.get(mount, normalSerial(serial));
    if (row === null) throw notFound("certificate", serial);
    const before = await openRecord(session, row);
    const first = before.revokedAt === null;
    const after = first ? { ...before, revokedAt: now(), revocationReason: reason } : before;
    const sealedRecord = first ? await sealRecord(session, after) : null;
    const done = db.write((at) => {
      session.requireOpen();
      if (sealedRecord !== null && !store.replaceRecord(row, sealedRecord)) return false;
      audit.record(at, {
        actor: actor.username,
        remote: actor.remote,
        action: "certificate.revoke",
        target: before.names.join(" "),
        detail: `rule=${rule} mount=${mount} serial=${before.serial} reason=${after.revocationReason}${
          first ? "" : " (was revoked already)"
        }`,
      });
      return true;
    });
    // Somebody else revoked it since it was read; the row now says so, and theirs was the first.
    return done ? after : await this.revoke(mount, serial, reason, actor, rule);
  }
}

/** As openssl and browsers print it, `0A:1B:…`, or as stored. */
function normalSerial(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}
