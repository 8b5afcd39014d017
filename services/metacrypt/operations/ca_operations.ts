/** The ca engine's operations. */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Call, implement, nextPageToken, type Operation, parsePage, requireCaller } from "@lib/contract/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { exportKeyPem, generateKey, type ParsedCertificate, parseSubjectNames, readCsr } from "@lib/pki/mod.ts";
import { CaService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import type { CertificateRecord } from "../ca/certificate_record.ts";
import type { Certificates, Order } from "../ca/certificates.ts";
import type { Issuers } from "../ca/issuers.ts";
import { checkRequest } from "../domain/certificate_request.ts";
import { parseRevocationReason } from "../domain/revocation_reason.ts";
import type { MountRow } from "../store/mount_store.ts";
import { actorOf } from "./actor.ts";
import type { Authorisation } from "./authorisation.ts";

export interface CaParts {
  issuers: Issuers;
  certificates: Certificates;
  authorisation: Authorisation;
  /** Counted when a certificate was committed. */
  onIssued: (mount: string) => void;
}

export function caOperations(parts: CaParts): Operation[] {
  const { issuers, certificates, authorisation } = parts;

  async function issue(call: Call, order: Order): Promise<CertificateRecord> {
    const actor = actorOf(call);
    const record = await authorisation.guard(
      requireCaller(call),
      actor,
      "issue",
      order.names,
      (rule) => certificates.sign(order, actor, rule),
    );
    parts.onIssued(order.mount);
    return record;
  }

  return implement(CaService, {
    createMount: ({ mount }, call) => mountMessage(issuers.createMount(mount, actorOf(call))),
    listMounts: () => ({ mounts: issuers.listMounts().map(mountMessage) }),
    createIssuerRequest: async ({ mount, commonName }, call) => ({
      csrPem: await issuers.request(mount, commonName, actorOf(call)),
    }),
    importIssuer: async ({ mount, chainPem, privateKeyPem }, call) =>
      issuerMessage(mount, await issuers.import(mount, chainPem, privateKeyPem, actorOf(call))),
    getChain: ({ mount }) => ({ chainPem: issuers.chain(mount) }),

    signCertificate: async ({ mount, csrPem, ttlSeconds }, call) => {
      issuers.requireUnsealed();
      const request = await readCsr(csrPem);
      checkRequest(request);
      const { names, publicKey } = request;
      return certificateMessage(await issue(call, { mount, names, publicKey, ttlSeconds: seconds(ttlSeconds) }));
    },

    issueCertificate: async ({ mount, names: texts, ttlSeconds }, call) => {
      issuers.requireUnsealed();
      const names = parseSubjectNames(texts).map((each) => each.value);
      const key = await generateKey("P-256");
      const order = { mount, names, publicKey: key.publicKey, ttlSeconds: seconds(ttlSeconds) };
      const record = await issue(call, order);
      return { certificate: certificateMessage(record), privateKeyPem: await exportKeyPem(key) };
    },

    listCertificates: async ({ mount, name, pageSize, pageToken }, call) => {
      const caller = requireCaller(call);
      const { limit, after } = parsePage({ pageSize, pageToken }, { max: 1000, default: 100 });
      const readable = authorisation.filter(caller, "read");
      const query = { mount, name, before: after === null ? null : rowId(after), limit };
      const page = await certificates.list(query, (record) => readable(record.names));
      authorisation.record(actorOf(call), {
        action: "certificate.list",
        target: name === "" ? mount : `${mount} ${name}`,
        outcome: "ok",
        detail: `${page.records.length} shown`,
      });
      return { certificates: page.records.map(certificateMessage), nextPageToken: nextPageToken(page.next) };
    },

    getCertificate: async ({ mount, serial }, call) => {
      const actor = actorOf(call);
      const record = await certificates.get(mount, serial);
      await authorisation.guard(requireCaller(call), actor, "read", record.names, (rule) => {
        const detail = `rule=${rule} serial=${record.serial}`;
        authorisation.record(actor, {
          action: "certificate.read",
          target: record.names.join(" "),
          outcome: "ok",
          detail,
        });
        return Promise.resolve();
      });
      return certificateMessage(record);
    },

    revokeCertificate: async ({ mount, serial, reason }, call) => {
      const actor = actorOf(call);
      const cause = parseRevocationReason(reason);
      const { names } = await certificates.get(mount, serial);
      const revoked = await authorisation.guard(
        requireCaller(call),
        actor,
        "revoke",
        names,
        (rule) => certificates.revoke(mount, serial, cause, actor, rule),
      );
      return certificateMessage(revoked);
    },
  });
}

/** Any number beyond what a double holds exactly is beyond every setting too. */
function seconds(value: bigint): number {
  return Number(value);
}

function rowId(key: string): number {
  const id = Number(key);
  if (!Number.isSafeInteger(id)) throw invalid("page_token", `not a token of this list: ${quote(key)}`);
  return id;
}

function mountMessage(row: MountRow) {
  return { mount: row.name, type: "ca", state: row.state, createdAt: timestampFromMs(row.createdAt) };
}

function issuerMessage(mount: string, { subject, serial, notBefore, notAfter }: ParsedCertificate) {
  return {
    mount,
    subject,
    serial,
    notBefore: timestampFromDate(notBefore),
    notAfter: timestampFromDate(notAfter),
  };
}

function certificateMessage(record: CertificateRecord) {
  const { serial, mount, names, chainPem, issuedTo, revokedAt, revocationReason } = record;
  return {
    serial,
    mount,
    names,
    chainPem,
    issuedTo,
    revocationReason,
    notBefore: timestampFromMs(record.notBefore),
    notAfter: timestampFromMs(record.notAfter),
    ...(revokedAt !== null && { revokedAt: timestampFromMs(revokedAt) }),
  };
}
