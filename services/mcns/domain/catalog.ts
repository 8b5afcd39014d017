/**
 * Catalog zones (RFC 9432): a zone whose records list other zones, so that secondaries learn which ones there are by
 * transferring it. For catalog `zones.example`:
 *
 * ```
 * version.zones.example.          TXT "2"
 * 5f3a.zones.zones.example.       PTR example.org.        one member; its label is its id
 * group.5f3a.zones.zones.example. TXT "signed"            optional property
 * coo.5f3a.zones.zones.example.   PTR other.example.      optional: it may go over to that catalog
 * ```
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { type DomainName, parentKey, textOfKey } from "./name.ts";
import type { Octets } from "./octets.ts";
import { types } from "./rdata/record_type.ts";
import { setOf, type Zone } from "./zone.ts";

/** A zone that a catalog lists. */
export interface CatalogMember {
  /** The label that stands for it; another one for the same zone means: forget its state (§5.6). */
  readonly id: string;
  /** Key of the zone. */
  readonly zone: string;
  /** First value of its group property, "" without one. */
  readonly group: string;
  /** Key of the catalog that it may go over to (§4.4.1), null for none. */
  readonly newOwner: string | null;
}

/** A record of a catalog zone. */
export interface CatalogRecord {
  /** Absolute key. */
  readonly owner: string;
  readonly type: number;
  readonly data: Octets;
}

/** TXT data of the version that is spoken here: one string, "2". */
const versionData: Octets = "\x012";

const label = (text: string): string => String.fromCharCode(text.length) + text;

/**
 * Reads the members, by zone. Throws Invalid for a broken catalog, of which nothing may be taken over (§5.1): another version
 * than 2, two PTR records for one member, one zone under two ids, or the catalog listing itself.
 */
export function readCatalog(catalog: Zone): CatalogMember[] {
  const version = setOf(catalog.setsAt(label("version") + catalog.key), types.TXT)?.data ?? [];
  if (version.length !== 1 || version[0] !== versionData) {
    throw broken(catalog.name, `its version is not "2", and that is the one that is known here`);
  }
  const above = label("zones") + catalog.key;
  const members = new Map<string, CatalogMember>();
  for (const owner of catalog.names()) {
    if (owner === above || parentKey(owner) !== above) continue;
    const zones = setOf(catalog.setsAt(owner), types.PTR)?.data ?? [];
    const [zone] = zones;
    if (zone === undefined) continue;
    if (zones.length > 1) throw broken(catalog.name, `member ${textOfKey(owner)} has ${zones.length} PTR records`);
    if (zone === catalog.key) throw broken(catalog.name, "it lists itself");
    if (members.has(zone)) throw broken(catalog.name, `zone ${textOfKey(zone)} stands in it twice`);
    const group = setOf(catalog.setsAt(label("group") + owner), types.TXT)?.data[0] ?? "\0";
    const newOwner = setOf(catalog.setsAt(label("coo") + owner), types.PTR)?.data;
    members.set(zone, {
      id: owner.slice(1, 1 + owner.charCodeAt(0)),
      zone,
      group: group.slice(1, 1 + group.charCodeAt(0)),
      // More than one PTR there is nobody's permission.
      newOwner: newOwner?.length === 1 ? newOwner[0]! : null,
    });
  }
  return [...members.values()].sort((a, b) => a.zone < b.zone ? -1 : 1);
}

function broken(catalog: DomainName, reason: string): Error {
  return invalid("catalog", `Cannot use catalog zone ${quote(catalog.text)}: ${reason}; its members stay as they were`);
}

/** The records of a catalog with these members, SOA and NS left out. */
export function catalogRecords(catalog: DomainName, members: readonly CatalogMember[]): CatalogRecord[] {
  const records: CatalogRecord[] = [{ owner: label("version") + catalog.key, type: types.TXT, data: versionData }];
  for (const { id, zone, group, newOwner } of members) {
    const owner = label(id) + label("zones") + catalog.key;
    records.push({ owner, type: types.PTR, data: zone });
    if (group !== "") records.push({ owner: label("group") + owner, type: types.TXT, data: label(group) });
    if (newOwner !== null) records.push({ owner: label("coo") + owner, type: types.PTR, data: newOwner });
  }
  return records;
}

/** What a secondary does about a zone that a catalog lists, or lists no longer (§5). */
export type CatalogAction =
  | { readonly kind: "add" | "reset" | "take_over"; readonly member: CatalogMember }
  | { readonly kind: "remove"; readonly zone: string }
  /** It exists and isn't this catalog's: it stays as it is. */
  | { readonly kind: "clash"; readonly member: CatalogMember; readonly reason: string };

/** A zone that exists here. */
export interface ExistingZone {
  /** Key of the catalog that it came from, null for one that was made by hand. */
  readonly catalog: string | null;
  /** Its id there. */
  readonly id: string;
  /** Where its catalog says it may go over to. */
  readonly newOwner: string | null;
}

/**
 * Compares a catalog with the zones that are here. A zone that isn't the catalog's own is never reset, taken over or
 * removed, unless its own catalog permits the change of owner.
 * @param existing the zone of that key; undefined for none
 * @param mine keys of the zones that came from this catalog
 */
export function followCatalog(
  catalog: string,
  members: readonly CatalogMember[],
  existing: (zone: string) => ExistingZone | undefined,
  mine: Iterable<string>,
): CatalogAction[] {
  const actions: CatalogAction[] = [];
  const listed = new Set(members.map(({ zone }) => zone));
  for (const zone of mine) if (!listed.has(zone)) actions.push({ kind: "remove", zone });
  for (const member of members) {
    const now = existing(member.zone);
    if (now === undefined) actions.push({ kind: "add", member });
    else if (now.catalog === catalog) {
      if (now.id !== member.id) actions.push({ kind: "reset", member });
    } else if (now.catalog === null) {
      actions.push({ kind: "clash", member, reason: "a zone of that name was made here by hand" });
    } else if (now.newOwner !== catalog) {
      const reason = `catalog ${textOfKey(now.catalog)} has it and doesn't let it go (no coo property)`;
      actions.push({ kind: "clash", member, reason });
    } // §4.4.1: the same id means that its state stays with it.
    else actions.push({ kind: now.id === member.id ? "take_over" : "reset", member });
  }
  return actions;
}
