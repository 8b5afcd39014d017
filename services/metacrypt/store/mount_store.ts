/**
 * Mounts and their issuers.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { conflict, notFound, quote } from "@lib/errors/mod.ts";

export interface MountRow {
  name: string;
  /** `empty`, `requested` or `ready`. */
  state: string;
  /** ms since the epoch. */
  createdAt: number;
}

export interface IssuerRow {
  /** Random UUID; the wrapped key is bound to it. */
  id: string;
  mount: string;
  state: "requested" | "active" | "retired";
  /** JSON of WebCrypto import parameters. */
  keyAlgorithm: string;
  csrPem: string;
  /** Issuer first, parents after it; empty while requested. */
  chainPem: string;
  wrappedKey: Uint8Array<ArrayBuffer>;
}

/** Reads mounts. */
export interface MountReader {
  list(): MountRow[];
  /** @throws not_found */
  get(name: string): MountRow;
  issuer(mount: string, state: "requested" | "active"): IssuerRow | null;
}

/** Reads and writes mounts; writing belongs inside `db.write`. */
export class MountStore implements MountReader {
  readonly #list: Statement<MountRow>;
  readonly #get: Statement<MountRow>;
  readonly #add: Statement<unknown>;
  readonly #issuer: Statement<IssuerRow>;
  readonly #addIssuer: Statement<unknown>;
  readonly #retire: Statement<unknown>;
  readonly #drop: Statement<unknown>;

  constructor(db: Database) {
    const mounts = `SELECT name, created_at AS createdAt, CASE
        WHEN EXISTS (SELECT 1 FROM issuers WHERE mount = name AND state = 'active') THEN 'ready'
        WHEN EXISTS (SELECT 1 FROM issuers WHERE mount = name AND state = 'requested') THEN 'requested'
        ELSE 'empty' END AS state FROM mounts`;
    this.#list = db.prepare(`${mounts} ORDER BY name`);
    this.#get = db.prepare(`${mounts} WHERE name = ?`);
    this.#add = db.prepare("INSERT OR IGNORE INTO mounts (name, type, created_at) VALUES (?, 'ca', ?)");
    this.#issuer = db.prepare(
      `SELECT id, mount, state, key_algorithm AS keyAlgorithm, csr_pem AS csrPem, chain_pem AS chainPem,
         wrapped_key AS wrappedKey FROM issuers WHERE mount = ? AND state = ?`,
    );
    this.#addIssuer = db.prepare(
      `INSERT INTO issuers (id, mount, state, key_algorithm, csr_pem, chain_pem, wrapped_key, created_at, imported_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#retire = db.prepare("UPDATE issuers SET state = 'retired' WHERE mount = ? AND state = 'active'");
    this.#drop = db.prepare("DELETE FROM issuers WHERE mount = ? AND state = 'requested'");
  }

  list(): MountRow[] {
    return this.#list.all();
  }

  get(name: string): MountRow {
    const row = this.#get.get(name);
    if (row === undefined) throw notFound("mount", name);
    return row;
  }

  /** @throws conflict when the name is taken */
  add(name: string, at: number): void {
    if (this.#add.run(name, at).changes === 0) throw conflict(`Cannot create mount ${quote(name)}: it exists`);
  }

  issuer(mount: string, state: "requested" | "active"): IssuerRow | null {
    return this.#issuer.get(mount, state) ?? null;
  }

  /** Adds a request for an issuer. @throws conflict when the mount has an open one */
  addRequest(issuer: IssuerRow, at: number): void {
    if (this.issuer(issuer.mount, "requested") !== null) {
      throw conflict(`Mount ${quote(issuer.mount)} has an open request already; get it again instead`);
    }
    this.#insert(issuer, at, null);
  }

  /** Makes `issuer` the active one: the former is retired with its key, the open request is dropped. */
  activate(issuer: IssuerRow, at: number): void {
    this.#retire.run(issuer.mount);
    this.#drop.run(issuer.mount);
    this.#insert(issuer, at, at);
  }

  #insert(issuer: IssuerRow, at: number, importedAt: number | null): void {
    const { id, mount, state, keyAlgorithm, csrPem, chainPem, wrappedKey } = issuer;
    this.#addIssuer.run(id, mount, state, keyAlgorithm, csrPem, chainPem, wrappedKey, at, importedAt);
  }
}
