/**
 * Mounts of the ca engine and their issuers: request, import, chain, and the signing key of the active one.
 *
 * An issuer's private key exists in the clear only inside WebCrypto: it is made there, wrapped by the barrier, and
 * unwrapped as non-extractable. The wrapping is bound to the issuer's chain, so that a swapped certificate row is noticed.
 * @module
 */
import type { AuditLog } from "@lib/audit/mod.ts";
import { conflict, invalid, notFound, quote } from "@lib/errors/mod.ts";
import {
  createCsr,
  generateKey,
  importKeyPem,
  importPublicKey,
  parseChain,
  type ParsedCertificate,
  type SigningIssuer,
  verifyIssuerChain,
} from "@lib/pki/mod.ts";
import type { Barrier, BarrierSession, PrivateKeyAlgorithm } from "../barrier/barrier.ts";
import type { Actor } from "../barrier/seal.ts";
import { parseMountName } from "../domain/mount_name.ts";
import type { IssuerRow, MountRow, MountStore } from "../store/mount_store.ts";
import type { Transactions } from "../store/transactions.ts";

/** The active issuer, ready to sign. */
export interface ActiveIssuer extends SigningIssuer {
  id: string;
  certificate: ParsedCertificate;
  /** What follows a leaf in its chain: the issuer and its parents, without a self-signed root. */
  issuersPem: string;
}

export interface IssuersOptions {
  db: Transactions;
  store: MountStore;
  audit: AuditLog;
  barrier: Barrier;
  /** ms since the epoch. */
  now: () => number;
}

/** Mounts and issuers. */
export class Issuers {
  readonly #parts: IssuersOptions;

  constructor(parts: IssuersOptions) {
    this.#parts = parts;
  }

  /** @throws sealed; before anything of a request is looked at */
  requireUnsealed(): void {
    this.#parts.barrier.session();
  }

  /** @throws invalid, conflict when it exists, sealed */
  createMount(mount: string, actor: Actor): MountRow {
    const { db, store, audit, barrier } = this.#parts;
    const name = parseMountName(mount);
    const session = barrier.session();
    return db.write((at) => {
      session.requireOpen();
      store.add(name, at);
      audit.record(at, { actor: actor.username, remote: actor.remote, action: "mount.create", target: name });
      return store.get(name);
    });
  }

  /** @throws sealed */
  listMounts(): MountRow[] {
    this.#parts.barrier.session();
    return this.#parts.store.list();
  }

  /**
   * Makes a key and the request for its certificate, or gives the request that is open already, whatever its common name.
   * @returns PKCS#10, PEM
   */
  async request(mount: string, commonName: string, actor: Actor): Promise<string> {
    const { db, store, audit, barrier } = this.#parts;
    const session = barrier.session();
    store.get(mount);
    const open = store.issuer(mount, "requested");
    if (open !== null) return open.csrPem;
    // deno-lint-ignore no-control-regex -- these are the characters to refuse
    if (commonName.length < 1 || commonName.length > 64 || /[\x00-\x1f\x7f]/.test(commonName)) {
      throw invalid("common_name", `a CA's common name has 1 to 64 printable characters: ${quote(commonName)}`);
    }
    const id = crypto.randomUUID();
    const key = await generateKey("P-256");
    const csrPem = await createCsr({ key, names: [], commonName });
    const issuer: IssuerRow = {
      id,
      mount,
      state: "requested",
      keyAlgorithm: algorithmText(key.privateKey),
      csrPem,
      chainPem: "",
      wrappedKey: await session.wrapKey(requestPath(mount, id), key.privateKey),
    };
    return db.write((at) => {
      session.requireOpen();
      const raced = store.issuer(mount, "requested");
      if (raced !== null) return raced.csrPem;
      store.addRequest(issuer, at);
      audit.record(at, {
        actor: actor.username,
        remote: actor.remote,
        action: "issuer.request",
        target: mount,
        detail: commonName,
      });
      return csrPem;
    });
  }

  /**
   * Makes the certificate the mount's issuer. The former one is retired; what it issued stays.
   * @param chainPem the issuer's certificate, then its parents; a root at the end is accepted
   * @param privateKeyPem empty when the key was made by `request`
   * @returns the issuer's certificate; importing the active one again changes nothing
   * @throws conflict when the chain doesn't hang together, is not a CA's, is expired, or is not for this key
   */
  async import(mount: string, chainPem: string, privateKeyPem: string, actor: Actor): Promise<ParsedCertificate> {
    const { db, store, audit, barrier, now } = this.#parts;
    const session = barrier.session();
    store.get(mount);
    const chain = await verifyIssuerChain(chainPem, now());
    const [certificate] = chain;
    if (certificate === undefined) throw invalid("chain_pem", "no certificate in it");
    const active = store.issuer(mount, "active");
    if (active !== null && parseChain(active.chainPem)[0]?.pem === certificate.pem) return certificate;
    const key = await this.#keyFor(session, mount, certificate, privateKeyPem);
    const cleanChain = chain.map((each) => each.pem).join("");
    const id = crypto.randomUUID();
    const issuer: IssuerRow = {
      id,
      mount,
      state: "active",
      keyAlgorithm: algorithmText(key),
      csrPem: "",
      chainPem: cleanChain,
      wrappedKey: await session.wrapKey(await issuerPath(mount, id, cleanChain), key),
    };
    return db.write((at) => {
      session.requireOpen();
      store.activate(issuer, at);
      audit.record(at, {
        actor: actor.username,
        remote: actor.remote,
        action: "issuer.import",
        target: mount,
        detail:
          `serial=${certificate.serial} subject=${certificate.subject} until=${certificate.notAfter.toISOString()}`,
      });
      return certificate;
    });
  }

  /** The extractable private key that belongs to `certificate`. */
  async #keyFor(
    session: BarrierSession,
    mount: string,
    certificate: ParsedCertificate,
    privateKeyPem: string,
  ): Promise<CryptoKey> {
    const wanted = await importPublicKey(certificate.publicKey, "chain_pem");
    if (privateKeyPem !== "") {
      const given = await importKeyPem(privateKeyPem);
      if (!await samePublicKey(given.publicKey, wanted)) {
        throw conflict("Cannot import the issuer: the private key does not belong to the certificate");
      }
      return given.privateKey;
    }
    const requested = this.#parts.store.issuer(mount, "requested");
    if (requested === null) {
      throw conflict(`Cannot import the issuer: mount ${quote(mount)} has no open request and no key was given`, {
        hint: "Request it first (metacrypt issuer request), or give the private key.",
      });
    }
    const path = requestPath(mount, requested.id);
    const algorithm = JSON.parse(requested.keyAlgorithm) as PrivateKeyAlgorithm;
    const key = await session.unwrapKey(path, requested.wrappedKey, algorithm, true);
    if (!await isPair(key, wanted)) {
      throw conflict("Cannot import the issuer: the certificate is not for the key of the open request", {
        hint: "Sign the request that CreateIssuerRequest returns.",
      });
    }
    return key;
  }

  /** The issuer's certificate and its parents, PEM. Served while sealed. @throws not_found */
  chain(mount: string): string {
    const { store } = this.#parts;
    store.get(mount);
    const active = store.issuer(mount, "active");
    if (active === null) throw notFound("issuer of mount", mount);
    return active.chainPem;
  }

  /** @throws sealed, not_found, conflict while the mount has no issuer, internal when a row was tampered with */
  async active(mount: string): Promise<ActiveIssuer> {
    const { store, barrier } = this.#parts;
    const session = barrier.session();
    const row = store.get(mount) && store.issuer(mount, "active");
    if (row === null) {
      throw conflict(`Cannot issue: mount ${quote(mount)} has no issuer yet`, {
        hint: "Request one, have the root sign it, and import it.",
      });
    }
    const path = await issuerPath(mount, row.id, row.chainPem);
    const algorithm = JSON.parse(row.keyAlgorithm) as PrivateKeyAlgorithm;
    const privateKey = await session.keep(path, () => session.unwrapKey(path, row.wrappedKey, algorithm));
    const chain = parseChain(row.chainPem);
    const [certificate] = chain;
    if (certificate === undefined) throw conflict(`Mount ${quote(mount)} has an issuer without a certificate`);
    return {
      id: row.id,
      certificate,
      certificatePem: certificate.pem,
      issuersPem: chain.filter((each) => !each.selfSigned).map((each) => each.pem).join(""),
      key: { privateKey },
    };
  }
}

const requestPath = (mount: string, id: string) => `ca/${mount}/issuers/${id}/requested-key`;

async function issuerPath(mount: string, id: string, chainPem: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(chainPem));
  return `ca/${mount}/issuers/${id}/key/${new Uint8Array(digest).toHex()}`;
}

/** WebCrypto's import parameters for a key made or read by lib/pki. */
function algorithmText(key: CryptoKey): string {
  const { name, namedCurve, hash } = key.algorithm as { name: string; namedCurve?: string; hash?: { name: string } };
  return JSON.stringify({ name, ...(namedCurve && { namedCurve }), ...(hash && { hash: hash.name }) });
}

async function samePublicKey(a: CryptoKey, b: CryptoKey): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((each) => crypto.subtle.exportKey("spki", each)));
  return new Uint8Array(left ?? new ArrayBuffer()).toHex() === new Uint8Array(right ?? new ArrayBuffer()).toHex();
}

/** Whether what the private key signs is good by the public one. */
async function isPair(privateKey: CryptoKey, publicKey: CryptoKey): Promise<boolean> {
  if (privateKey.algorithm.name !== publicKey.algorithm.name) return false;
  const algorithm = { name: privateKey.algorithm.name, hash: "SHA-256" };
  const probe = crypto.getRandomValues(new Uint8Array(32));
  return await crypto.subtle.verify(
    algorithm,
    publicKey,
    await crypto.subtle.sign(algorithm, privateKey, probe),
    probe,
  );
}
