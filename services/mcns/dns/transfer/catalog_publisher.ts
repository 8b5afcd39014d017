/** Keeps the records of our catalog zones as the zones that are in them (RFC 9432 §4). */
import { conflict, invalid, messageOf, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { catalogRecords } from "../../domain/catalog.ts";
import { DomainName } from "../../domain/name.ts";
import { formatData } from "../../domain/rdata/record_data.ts";
import { typeText } from "../../domain/rdata/record_type.ts";
import { RecordName } from "../../domain/record_name.ts";
import type { SecondaryStore } from "../../store/secondary_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { By, ZoneRow, ZoneStore } from "../../store/zone_store.ts";

/** Catalogs are read by servers that ask for all of them: nobody keeps single records (RFC 9432 §4.1). */
const ttlSeconds = 0;

/** Of the label that stands for a member: 64 random bits, as each must be new. */
const idOctets = 8;

export class CatalogPublisher {
  readonly #zones: ZoneStore;
  readonly #editor: ZoneEditor;
  readonly #members: SecondaryStore;
  readonly #log: Logger;

  constructor(
    { zones, editor, members, log }: { zones: ZoneStore; editor: ZoneEditor; members: SecondaryStore; log: Logger },
  ) {
    this.#zones = zones;
    this.#editor = editor;
    this.#members = members;
    this.#log = log;
  }

  /**
   * Puts a zone into a catalog of ours, or with null takes it out; one transaction for both. Returns the label that stands for
   * it there, "" for none. Throws NotFound for either, Conflict and Invalid for zones that can't be that.
   */
  setCatalog(zone: DomainName, catalog: DomainName | null, by: By): string {
    return this.#editor.together(() => {
      const row = this.#zones.get(zone);
      if (row.kind === "secondary" && row.catalog !== "") {
        throw conflict(`Cannot change the catalog of ${quote(row.name)}: it came from catalog ${quote(row.catalog)}`, {
          hint: "Change it at that catalog's primary.",
        });
      }
      if (catalog !== null) this.#checkCatalog(row, catalog);
      const name = catalog?.text ?? "";
      if (row.catalog === name) return this.#members.member(row)?.member_id ?? "";
      const before = row.catalog;
      this.#zones.setCatalog(row, name);
      let id = "";
      if (catalog === null) this.#members.removeMember(row);
      else {
        id = freshId();
        this.#members.putMember(row, { member_id: id, new_owner: "" });
      }
      const old = before === "" ? undefined : this.#zones.find(DomainName.parse(`${before}.`, "zones.catalog"));
      for (const one of [old, catalog === null ? undefined : this.#zones.get(catalog)]) {
        if (one !== undefined && isOurs(one)) this.#publish(one, by);
      }
      return id;
    });
  }

  /** Brings all our catalogs in line: at start, and after a zone was deleted. Never throws. */
  publishAll(): void {
    try {
      for (const row of this.#zones.all()) if (isOurs(row)) this.#publish(row, { actor: "catalog", remote: "" });
    } catch (error) {
      this.#log.error("cannot bring the catalog zones in line", { error: messageOf(error) });
    }
  }

  #checkCatalog(row: ZoneRow, name: DomainName): void {
    const catalog = this.#zones.get(name);
    if (!isOurs(catalog)) {
      throw invalid("catalog", `must be a primary catalog zone; create ${quote(catalog.name)} with is_catalog set`);
    }
    if (catalog.id === row.id) throw invalid("catalog", "a catalog zone can't list itself");
  }

  #publish(catalog: ZoneRow, by: By): void {
    const name = DomainName.parse(`${catalog.name}.`, "zones.name");
    const members = this.#members.membersOf(catalog.name).map((text) => {
      const zone = DomainName.parse(`${text}.`, "zones.name");
      return { id: this.#members.member(this.#zones.get(zone))!.member_id, zone: zone.key, group: "", newOwner: null };
    });
    const wanted = new Map(
      catalogRecords(name, members).map(({ owner, type, data }) => {
        const relative = RecordName.ofKey(owner, name);
        return [`${relative} ${typeText(type)} ${formatData(type, data)}`, { name: relative, type, data, ttlSeconds }];
      }),
    );
    this.#editor.edit(name, by, "catalog", (edit) => {
      for (const row of edit.all()) {
        // What is written at the apex, and properties of members that are here by hand, stay.
        if (row.name === "@" || wanted.delete(`${row.name} ${row.type} ${row.value}`)) continue;
        if (isMemberName(row.name) || row.name === "version") edit.remove(row);
        else if (!members.some(({ id }) => row.name.endsWith(`.${id}.zones`))) edit.remove(row);
      }
      for (const spec of wanted.values()) edit.add(spec);
    });
  }
}

const isOurs = ({ kind, is_catalog }: ZoneRow): boolean => kind === "primary" && is_catalog === 1;

const isMemberName = (relative: string): boolean => /^[^.]+\.zones$/.test(relative);

function freshId(): string {
  const random = crypto.getRandomValues(new Uint8Array(idOctets));
  return Array.from(random, (octet) => octet.toString(16).padStart(2, "0")).join("");
}
