import { conflict, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "../domain/name.ts";
import { types, typeText } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { ZoneRow, ZoneStore } from "./zone_store.ts";

/** Keeps records out of a zone that would never be answered: a deeper zone has the authority for their names. */
export class DeeperZones {
  readonly #zones: ZoneStore;
  readonly #zone: Pick<ZoneRow, "id" | "name">;
  readonly #name: DomainName;
  readonly #recordsAt: (name: RecordName) => readonly { readonly type: string; readonly value: string }[];
  /** Whether there are zones below this one; null until it matters. */
  #areThere: boolean | null = null;

  /** @param recordsAt what the zone itself has, or will have, at a name */
  constructor(
    zones: ZoneStore,
    { zone, name, recordsAt }: {
      zone: Pick<ZoneRow, "id" | "name">;
      name: DomainName;
      recordsAt: (name: RecordName) => readonly { readonly type: string; readonly value: string }[];
    },
  ) {
    this.#zones = zones;
    this.#zone = zone;
    this.#name = name;
    this.#recordsAt = recordsAt;
  }

  /** Throws Conflict when a deeper zone has the name, but for its delegation and glue. */
  refuse(name: RecordName, type: number): void {
    this.#areThere ??= this.#zones.hasBelow(this.#name);
    if (!this.#areThere) return;
    const owner = this.#zones.enclosing(name.absolute);
    if (owner === undefined || owner.id === this.#zone.id || owner.name.length <= this.#zone.name.length) return;
    const isDelegation = owner.name === name.absolute.text && (type === types.NS || type === types.DS);
    const isGlue = type === types.A || type === types.AAAA;
    if (isDelegation || isGlue && this.#isNameServerOf(owner, name)) return;
    throw conflict(
      `Cannot add ${typeText(type)} ${
        quote(name.relative)
      } to zone ${this.#zone.name}: that name belongs to zone ${owner.name}`,
      { hint: `Add it to zone ${owner.name}.` },
    );
  }

  #isNameServerOf(deeper: ZoneRow, name: RecordName): boolean {
    const cut = RecordName.parse(`${deeper.name}.`, this.#name);
    return this.#recordsAt(cut).some((row) => row.type === "NS" && row.value === name.absolute.text);
  }
}
