import type { RecordSet, Zone } from "../domain/zone.ts";

/** Adds to the sets that callers wrote what signing makes: called inside the transaction that changes them, so synchronous. */
export interface ZonePublisher {
  /**
   * The published sets of every name that changes.
   * @param before the zone as it is published now
   * @param plain unsigned sets of the names that were touched, the apex with its new SOA among them
   * @param at ms since the epoch
   * @returns of an unsigned zone `plain` itself
   */
  publish(
    before: Zone,
    plain: ReadonlyMap<string, readonly RecordSet[]>,
    at: number,
  ): ReadonlyMap<string, readonly RecordSet[]>;

  /** As `publish`, for a zone that is changed aside: signatures are made in another thread. */
  publishAside(
    before: Zone,
    plain: ReadonlyMap<string, readonly RecordSet[]>,
    at: number,
  ): Promise<ReadonlyMap<string, readonly RecordSet[]>>;
}

/** For zones that nobody signs. */
export const unsigned: ZonePublisher = {
  publish: (_before, plain) => plain,
  publishAside: (_before, plain) => Promise.resolve(plain),
};
