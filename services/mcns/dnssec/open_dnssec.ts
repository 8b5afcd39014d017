import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import type { DnssecControl } from "../operations/dnssec_control.ts";
import type { DnssecKeyStore } from "../store/dnssec_key_store.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import { DnssecMaintenance } from "./maintenance.ts";
import { localParentDs } from "./parent_ds.ts";
import { DnssecPublisher } from "./publisher.ts";
import { ZoneDnssec } from "./zone_dnssec.ts";

/** Signing, put together. */
export interface Dnssec extends AsyncDisposable {
  readonly control: DnssecControl;
  readonly maintenance: DnssecMaintenance;
}

/**
 * Has every change through `editor` signed from now on, so it comes before the first one. Nothing happens by itself until
 * `maintenance.start()`.
 * @param zones where parents are looked for that are served here, too
 */
export function openDnssec(
  { store, editor, zones, clock, log }: {
    store: DnssecKeyStore;
    editor: ZoneEditor;
    zones: ZoneDirectory;
    clock: Clock;
    log: Logger;
  },
): Dnssec {
  const publisher = new DnssecPublisher(store);
  editor.publishThrough(publisher);
  const maintenance = new DnssecMaintenance({ store, editor, publisher, clock, log, parentDs: localParentDs(zones) });
  return {
    control: new ZoneDnssec({ store, editor, publisher, maintenance, clock }),
    maintenance,
    [Symbol.asyncDispose]: () => maintenance[Symbol.asyncDispose](),
  };
}
