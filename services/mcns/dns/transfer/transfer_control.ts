/** What operators see of transfers, and change. */
import type { Clock } from "@lib/clock/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "../../domain/name.ts";
import { hostPortOf, parsePeer, type PeerRole, type ZonePeer } from "../../domain/zone_peer.ts";
import type { TransferControl, TransferState } from "../../operations/transfer_control.ts";
import type { SecondaryStore } from "../../store/secondary_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZonePeers, ZonePeerStore } from "../../store/zone_peer_store.ts";
import type { By, ZoneReader } from "../../store/zone_store.ts";
import type { CatalogPublisher } from "./catalog_publisher.ts";
import type { NotifySender } from "./notify_sender.ts";
import type { SecondaryZones } from "./secondary_zones.ts";

export interface TransferControlOptions {
  readonly zones: ZoneReader;
  readonly editor: ZoneEditor;
  readonly peers: ZonePeerStore;
  readonly states: SecondaryStore;
  readonly secondaries: SecondaryZones;
  readonly notifies: NotifySender;
  readonly catalogs: CatalogPublisher;
  readonly clock: Clock;
  /** Addresses that the sandbox lets us reach, "ip:port"; absent: any. */
  readonly reachable?: readonly string[];
}

/** How long `refresh` waits for a primary, ms: less than callers wait for us. */
const refreshWaitMs = 8000;

/** Throws NotFound for the zone. */
export class ZoneTransfers implements TransferControl {
  readonly #options: TransferControlOptions;

  constructor(options: TransferControlOptions) {
    this.#options = options;
  }

  get(zone: DomainName): TransferState {
    const { zones, peers, states, secondaries, notifies } = this.#options;
    const row = zones.get(zone);
    const ofSecondary = states.get(row);
    return {
      zone: row.name,
      kind: row.kind,
      ...peers.get(row),
      serial: row.serial,
      ...ofSecondary,
      expired: secondaries.isExpired(zone),
      notifies: notifies.statesOf(zone),
    };
  }

  /**
   * Replaces both sides, and uses them at once. May be called inside a transaction of zones. Throws Invalid for an
   * address, one that the sandbox doesn't let us reach, a key that isn't here, primaries of a primary.
   */
  set(zone: DomainName, given: ZonePeers, by: By): TransferState {
    const { zones, editor, peers, secondaries, notifies, clock } = this.#options;
    const side = (list: readonly ZonePeer[], role: PeerRole, field: string) =>
      list.map((peer, i) => this.#reachable(parsePeer(peer, role, `${field}[${i}]`), `${field}[${i}].address`));
    const parsed: ZonePeers = {
      primaries: side(given.primaries, "primary", "primaries"),
      secondaries: side(given.secondaries, "secondary", "secondaries"),
    };
    editor.together(() => {
      const row = zones.get(zone);
      if (row.kind === "primary" && parsed.primaries.length > 0) {
        throw invalid("primaries", `are of secondaries, and ${row.name} is a primary: its records are written here`);
      }
      peers.set(row, parsed, by, clock.now());
    });
    secondaries.notified(zone);
    notifies.changed(zone);
    return this.get(zone);
  }

  /** A peer that messages go out to needs a grant, and grants come from the config. */
  #reachable(peer: ZonePeer, field: string): ZonePeer {
    const { reachable } = this.#options;
    if (reachable === undefined || hostPortOf(peer) === null || reachable.includes(peer.address)) return peer;
    throw invalid(field, `must be one of transfer.peers in the config, got ${quote(peer.address)}`, {
      hint: "The sandbox lets this server reach only those: add it there, and restart.",
    });
  }

  /** A secondary asks its primaries, a primary notifies its secondaries. Resolves when that is done, or after 8 s. */
  async refresh(zone: DomainName): Promise<TransferState> {
    const { zones, secondaries, notifies } = this.#options;
    if (zones.get(zone).kind === "primary") notifies.notify(zone);
    else {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, refreshWaitMs));
      await Promise.race([secondaries.refresh(zone), late]);
      clearTimeout(timer);
    }
    return this.get(zone);
  }

  /** Puts the zone into a catalog of ours; null takes it out. */
  setCatalog(zone: DomainName, catalog: DomainName | null, by: By): { memberId: string } {
    return { memberId: this.#options.catalogs.setCatalog(zone, catalog, by) };
  }
}
