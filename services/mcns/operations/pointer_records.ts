/**
 * PTR records that go with addresses: `www A 192.0.2.1` written with `with_ptr` also makes
 * `1.2.0.192.in-addr.arpa PTR www.example.org`, in the deepest zone here that has that name. It has the address record's
 * TTL, end and owner, so that it goes when that goes.
 */
import { conflict, quote } from "@lib/errors/mod.ts";
import { DomainName } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import { formatData, parseData } from "../domain/rdata/record_data.ts";
import { typeCode, types } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { RecordSpec } from "../domain/record.ts";
import { reverseName } from "../domain/reverse_name.ts";
import type { StoredRecord } from "../store/stored_record.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import type { By, ZoneReader } from "../store/zone_store.ts";

/** The place of an address's PTR record. */
export interface PointerPlace {
  readonly zone: DomainName;
  readonly name: RecordName;
}

/** Addresses that a host gets and loses. */
export interface AddressChange {
  /** Absolute name of the host. */
  readonly host: DomainName;
  readonly added: readonly Pick<RecordSpec, "data" | "ttlSeconds" | "expiresAt" | "service" | "lease">[];
  readonly removed: readonly Octets[];
}

export class PointerRecords {
  readonly #zones: Pick<ZoneReader, "enclosing">;
  readonly #editor: ZoneEditor;

  constructor(zones: Pick<ZoneReader, "enclosing">, editor: ZoneEditor) {
    this.#zones = zones;
    this.#editor = editor;
  }

  /** Where the PTR record of an address belongs; null when no zone here has its name. */
  placeOf(address: Octets): PointerPlace | null {
    const reverse = reverseName(address);
    const zone = this.#zones.enclosing(reverse);
    if (zone === undefined) return null;
    const name = DomainName.parse(`${zone.name}.`, "zone");
    return { zone: name, name: RecordName.parse(`${reverse}.`, name) };
  }

  /**
   * Inside a transaction of ZoneEditor that doesn't edit the reverse zones otherwise. Throws Conflict when an address
   * to be added has no zone for its PTR record, or its name no place for one.
   */
  change({ host, added, removed }: AddressChange, by: By): void {
    const edits = new Map<string, { zone: DomainName; removed: RecordName[]; added: RecordSpec[] }>();
    const editOf = (zone: DomainName) => {
      const edit = edits.get(zone.key) ?? { zone, removed: [], added: [] };
      edits.set(zone.key, edit);
      return edit;
    };
    for (const address of removed) {
      const place = this.placeOf(address);
      if (place !== null) editOf(place.zone).removed.push(place.name);
    }
    for (const { data, ttlSeconds, expiresAt = null, service = "", lease = "" } of added) {
      const place = this.placeOf(data);
      if (place === null) throw noReverseZone(data);
      const { zone, name } = place;
      editOf(zone).added.push({ name, type: types.PTR, data: host.key, ttlSeconds, expiresAt, service, lease });
    }
    const value = formatData(types.PTR, host.key);
    for (const { zone, removed, added } of edits.values()) {
      this.#editor.edit(zone, by, "record.ptr", (edit) => {
        const mine = (name: RecordName) =>
          edit.recordsAt(name).find((row) => row.type === "PTR" && row.value === value && row.view === "");
        for (const name of removed) {
          const row = mine(name);
          if (row !== undefined) edit.remove(row);
        }
        for (const spec of added) {
          const row = mine(spec.name);
          if (row === undefined) edit.add(spec);
          else edit.renew(row, ownerOf(spec));
        }
      });
    }
  }
}

/** The data of those that are addresses. */
export function addressesOf(rows: readonly StoredRecord[]): Octets[] {
  return rows.filter(({ type }) => type === "A" || type === "AAAA").map(({ type, value }) =>
    parseData(typeCode(type), value)
  );
}

export function isAddress(type: number): boolean {
  return type === types.A || type === types.AAAA;
}

function ownerOf({ expiresAt = null, service = "", lease = "" }: RecordSpec) {
  return { expiresAt, service, lease };
}

function noReverseZone(address: Octets): Error {
  const text = formatData(address.length === 4 ? types.A : types.AAAA, address);
  const reverse = reverseName(address);
  const labels = reverse.labels;
  // A network of the size that people have: /24, or /64.
  const suggested = labels.slice(address.length === 4 ? 1 : 16).join(".");
  return conflict(`Cannot make the PTR record of ${text}: no zone here has the name ${quote(reverse.text)}`, {
    hint: `Create a reverse zone like ${suggested}, or leave with_ptr out.`,
  });
}
