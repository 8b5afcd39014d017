/** What the operations need of the TSIG keys. Times in ms since the epoch, null for none. */
import type { DomainName } from "../domain/name.ts";
import type { TsigAlgorithm } from "../domain/tsig_key.ts";
import type { Scope } from "../domain/update_scope.ts";
import type { By } from "../store/zone_store.ts";

/** A key without its secret. */
export interface TsigKeyRow {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly usedAt: number | null;
}

export interface NewTsigKey {
  readonly name: DomainName;
  readonly algorithm: TsigAlgorithm;
  readonly scopes: readonly Scope[];
  /** Null makes a random one. */
  readonly secret: Uint8Array | null;
}

/** Throws NotFound for a key. */
export interface TsigControl {
  /** The one place that a secret comes from. Throws Conflict for a name that is taken. */
  create(key: NewTsigKey, by: By): { readonly key: TsigKeyRow; readonly secret: Uint8Array };
  /** By name, those after `after`. */
  list(page: { readonly limit: number; readonly after: string | null }): readonly TsigKeyRow[];
  setScopes(name: DomainName, scopes: readonly Scope[], by: By): TsigKeyRow;
  /** Throws Conflict while a zone's peers use it. */
  delete(name: DomainName, by: By): void;
}
