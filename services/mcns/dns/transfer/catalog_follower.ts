/** Makes, resets and removes the secondaries that the catalog zones we follow list (RFC 9432 §5). */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import {
  type CatalogAction,
  type CatalogMember,
  type ExistingZone,
  followCatalog,
  readCatalog,
} from "../../domain/catalog.ts";
import { DomainName, textOfKey } from "../../domain/name.ts";
import { defaultSoaTimes } from "../../domain/soa.ts";
import type { SecondaryStore } from "../../store/secondary_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZonePeerStore } from "../../store/zone_peer_store.ts";
import type { By, ZoneRow, ZoneStore } from "../../store/zone_store.ts";

export interface CatalogFollowerOptions {
  readonly zones: ZoneStore;
  readonly editor: ZoneEditor;
  readonly peers: ZonePeerStore;
  readonly members: SecondaryStore;
  readonly clock: Clock;
  readonly log: Logger;
}

export class CatalogFollower {
  readonly #options: CatalogFollowerOptions;

  constructor(options: CatalogFollowerOptions) {
    this.#options = options;
  }

  /** Takes over what a catalog lists, if that zone is one. A zone that can't be made is logged; the others are. Never throws. */
  follow(name: DomainName): void {
    const { zones, editor, members, log } = this.#options;
    try {
      const catalog = zones.find(name);
      if (catalog === undefined || catalog.kind !== "secondary" || catalog.is_catalog === 0) return;
      const content = editor.zone(name);
      if (!content.isAnswerable) return;
      const listed = readCatalog(content);
      const mine = members.membersOf(catalog.name).map((zone) => DomainName.parse(`${zone}.`, "zones.name").key);
      for (const member of listed) this.#noteNewOwner(catalog, member);
      for (const action of followCatalog(name.key, listed, (zone) => this.#existing(zone), mine)) {
        this.#act(catalog, action);
      }
    } catch (error) {
      log.error("cannot follow a catalog zone", { catalog: name.text, error: messageOf(error) });
    }
  }

  #existing(zone: string): ExistingZone | undefined {
    const { zones, members } = this.#options;
    const row = zones.find(DomainName.fromKey(zone));
    if (row === undefined) return undefined;
    const member = members.member(row);
    // A primary of ours in a catalog of ours isn't anybody's to take.
    if (row.kind === "primary" || row.catalog === "" || member === undefined) {
      return { catalog: null, id: "", newOwner: null };
    }
    const key = (text: string) => DomainName.parse(`${text}.`, "catalog").key;
    return {
      catalog: key(row.catalog),
      id: member.member_id,
      newOwner: member.new_owner === "" ? null : key(member.new_owner),
    };
  }

  #act(catalog: ZoneRow, action: CatalogAction): void {
    const { log } = this.#options;
    const zone = DomainName.fromKey(action.kind === "remove" ? action.zone : action.member.zone);
    try {
      switch (action.kind) {
        case "remove":
          this.#remove(catalog, zone);
          break;
        case "add":
          this.#add(catalog, zone, action.member);
          break;
        case "reset":
          // Without its content, history goes on by name.
          this.#remove(catalog, zone);
          this.#add(catalog, zone, action.member);
          break;
        case "take_over":
          this.#takeOver(catalog, zone, action.member);
          break;
        case "clash":
          log.warn("a zone of a catalog is left as it is", {
            catalog: catalog.name,
            zone: zone.text,
            reason: action.reason,
          });
          return;
      }
      log.info("catalog followed", { catalog: catalog.name, zone: zone.text, action: action.kind });
    } catch (error) {
      log.error("cannot do what a catalog says", {
        catalog: catalog.name,
        zone: zone.text,
        action: action.kind,
        error: messageOf(error),
      });
    }
  }

  #add(catalog: ZoneRow, zone: DomainName, member: CatalogMember): void {
    const { editor, members } = this.#options;
    editor.together(() => {
      // What stands in them comes with the first transfer.
      const settings = { primaryNs: ".", adminEmail: ".", ...defaultSoaTimes };
      const row = editor.create(zone, { settings, kind: "secondary", catalog: catalog.name }, byOf(catalog));
      this.#givePrimaries(catalog, row);
      members.putMember(row, rowOf(member));
    });
  }

  #takeOver(catalog: ZoneRow, zone: DomainName, member: CatalogMember): void {
    const { editor, zones, members } = this.#options;
    editor.together(() => {
      const row = zones.get(zone);
      zones.setCatalog(row, catalog.name);
      this.#givePrimaries(catalog, row);
      members.putMember(row, rowOf(member));
    });
  }

  #remove(catalog: ZoneRow, zone: DomainName): void {
    this.#options.editor.delete(zone, byOf(catalog));
  }

  /** Members come from where the catalog comes from, signed by the same keys. */
  #givePrimaries(catalog: ZoneRow, row: ZoneRow): void {
    const { peers, clock } = this.#options;
    const primaries = peers.list(catalog, "primary");
    peers.set(row, { primaries, secondaries: peers.list(row, "secondary") }, byOf(catalog), clock.now());
  }

  /** The permission to go over to another catalog may come at any time. */
  #noteNewOwner(catalog: ZoneRow, member: CatalogMember): void {
    const { zones, members, editor } = this.#options;
    const row = zones.find(DomainName.fromKey(member.zone));
    if (row === undefined || row.catalog !== catalog.name) return;
    const known = members.member(row);
    const wanted = rowOf(member);
    if (known === undefined || known.member_id !== wanted.member_id || known.new_owner === wanted.new_owner) return;
    editor.together(() => members.putMember(row, wanted));
  }
}

const byOf = (catalog: ZoneRow): By => ({ actor: `catalog ${catalog.name}`, remote: "" });

function rowOf({ id, newOwner }: CatalogMember) {
  return { member_id: id, new_owner: newOwner === null ? "" : textOfKey(newOwner) };
}
