/** Puts the parts together that deal with other servers. */
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName } from "../../domain/name.ts";
import type { PeerAddress } from "../../domain/zone_peer.ts";
import type { TransferStores } from "../../store/transfer_stores.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZoneStore } from "../../store/zone_store.ts";
import type { SpecialMessages } from "../special_messages.ts";
import { CatalogFollower } from "./catalog_follower.ts";
import { CatalogPublisher } from "./catalog_publisher.ts";
import { NotifySender } from "./notify_sender.ts";
import { RefusalLog } from "./refusal_log.ts";
import { SecondaryZones } from "./secondary_zones.ts";
import { TransferCounters } from "./transfer_counters.ts";
import { ZoneTransfers } from "./transfer_control.ts";
import { UpdateHandler } from "./update_handler.ts";
import { ZoneExchange } from "./zone_exchange.ts";

export interface TransfersOptions {
  readonly zones: ZoneStore;
  readonly editor: ZoneEditor;
  readonly stores: TransferStores;
  /** Addresses that NOTIFY goes out from, one per IP version; port 0 for any free one. */
  readonly sources: readonly PeerAddress[];
  /** Trust anchors of primaries over TLS, PEM; "" for none. */
  readonly tlsCa: string;
  /** Octets of one zone that a primary may send. */
  readonly maxZoneBytes: number;
  /** Addresses that the sandbox lets us reach; absent: any. */
  readonly reachable?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Transfers extends AsyncDisposable {
  /** For Answers. */
  readonly special: SpecialMessages;
  /** For the operations. */
  readonly control: ZoneTransfers;
  readonly counters: TransferCounters;
  /** What an operator must look at, a sentence each. */
  problems(): string[];
  /** Asks for all secondaries and notifies all of ours: when queries are answered, as the other side asks back. */
  start(): void;
  /** Another process has written to the database: takes up its keys and its secondaries. */
  reload(): void;
}

/** A record takes at least 11 octets on the wire; the bound on octets is the one that counts. */
const leastRecordOctets = 11;

export function openTransfers(options: TransfersOptions): Transfers {
  const { zones, editor, sources, tlsCa, maxZoneBytes, clock, log } = options;
  const { keys, peers, secondaries: states } = options.stores;
  const counters = new TransferCounters();
  const follower = new CatalogFollower({ zones, editor, peers, members: states, clock, log });
  const publisher = new CatalogPublisher({ zones, editor, members: states, log });
  const notifies = new NotifySender({ zones, editor, keys, peers, sources, counters, clock, log });
  const limits = { maxOctets: maxZoneBytes, maxRecords: Math.ceil(maxZoneBytes / leastRecordOctets) };
  const secondaries = new SecondaryZones({
    ...{ zones, editor, keys, peers, states, tlsCa, limits, counters, clock, log },
    onTransferred: (zone) => follower.follow(zone),
  });
  const refusals = new RefusalLog(log, clock);
  const updates = new UpdateHandler({ zones, editor, counters, refusals, log });
  const special = new ZoneExchange({
    ...{ zones, editor, keys, peers, updates, secondaries, counters, refusals, clock, log },
  });
  const control = new ZoneTransfers({
    ...{ zones, editor, peers, states, secondaries, notifies, catalogs: publisher, clock },
    ...(options.reachable === undefined ? {} : { reachable: options.reachable }),
  });
  secondaries.suspendExpired();
  let started = false;
  editor.onChange((zone, serial) => {
    if (!started) return;
    secondaries.changed(zone);
    if (serial === null) publisher.publishAll();
    // A secondary tells of what it has taken over as well: others may follow it (RFC 1996 §2).
    else notifies.changed(zone);
  });
  return {
    special,
    control,
    counters,
    problems: () => secondaries.problems(),
    start: () => {
      started = true;
      publisher.publishAll();
      secondaries.start();
      for (const row of zones.all()) {
        const zone = DomainName.parse(`${row.name}.`, "zones.name");
        // What was taken over right before the end may not have been followed.
        if (row.is_catalog === 1) follower.follow(zone);
        notifies.changed(zone);
      }
    },
    reload: () => {
      keys.reload();
      if (started) secondaries.start();
    },
    async [Symbol.asyncDispose]() {
      started = false;
      await Promise.all([notifies.close(), secondaries.close()]);
    },
  };
}
