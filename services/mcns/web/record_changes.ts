/** Changes of records as pages make them, in terms of the API's operations. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { LocalClient } from "@lib/contract/mod.ts";
import { conflict, quote } from "@lib/errors/mod.ts";
import type { Record as DnsRecord, RecordService } from "@proto/mcns/v1/mcns_pb.ts";

type Records = LocalClient<typeof RecordService>;

/** Which record a form is about, as it was when the form was shown. */
export interface RecordKey {
  readonly zone: string;
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly view: string;
}

export interface RecordEdit {
  readonly value: string;
  /** Seconds; like the expiry it holds for all records of the name, type and view. */
  readonly ttl: number;
  readonly view: string;
  /** Seconds from now; 0 for never, undefined to leave it as it is, which all of them must have in common. */
  readonly expiresIn?: number;
}

/** All records of a name and type, in every view. */
export async function recordsOf(records: Records, { zone, name, type }: RecordKey): Promise<DnsRecord[]> {
  const found: DnsRecord[] = [];
  let pageToken = "";
  do {
    const page = await records.listRecords({ zone, name, type, pageSize: 1000, pageToken });
    found.push(...page.records);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

/**
 * Changes one record, in one transaction together with the others of its set, which share its TTL (RFC 2181 §5.2).
 * @throws PlatformError `conflict` when the record isn't there any more, or can't be moved without another one;
 *   `invalid` for the new value
 */
export async function changeRecord(records: Records, key: RecordKey, edit: RecordEdit, now: number): Promise<void> {
  const { zone, name, type, view } = key;
  const all = await recordsOf(records, key);
  const set = all.filter((one) => one.view === view);
  const record = set.find(({ value }) => value === key.value);
  if (record === undefined) {
    throw conflict(
      `Cannot change ${type} ${quote(name)}: its value ${quote(key.value)} was changed or deleted meanwhile`,
      {
        hint: "Load the page again to see the present values",
      },
    );
  }
  const kept = { service: record.service, lease: record.lease, ttl: edit.ttl };
  const expiresIn = edit.expiresIn ?? secondsLeft(record, now);
  if (edit.view !== view) {
    // A deletion that names no view takes the value from all of them.
    const along = view === "" ? all.find((one) => one.view !== "" && one.value === key.value) : undefined;
    if (along !== undefined) {
      throw conflict(
        `Cannot move ${type} ${quote(name)} to another view: view ${along.view} has the same value, and would lose it`,
        { hint: `Give the one of view ${along.view} another value first, or delete both and add them anew` },
      );
    }
    await records.deleteRecords({ zone, name, type, value: key.value, view });
    const moved = { zone, name, type, expiresIn, ...kept };
    try {
      await records.createRecord({ ...moved, value: edit.value, view: edit.view });
    } catch (error) {
      await records.createRecord({ ...moved, value: key.value, view, ttl: record.ttl });
      throw error;
    }
    return;
  }
  const mixed = set.find(({ service, lease }) => service !== record.service || lease !== record.lease);
  if (mixed !== undefined) {
    throw conflict(
      `Cannot change ${type} ${quote(name)} here: its records stand for several services (${quote(record.service)}, ${
        quote(mixed.service)
      })`,
      { hint: "Delete this record and add it anew" },
    );
  }
  const ends = new Set(set.map(({ expiresAt }) => expiresAt === undefined ? null : timestampMs(expiresAt)));
  if (edit.expiresIn === undefined && ends.size > 1) {
    throw conflict(`Cannot change ${type} ${quote(name)} here: its records go at different times, or never`, {
      hint: "Say under More when all of them go (0: never), or delete this record and add it anew",
    });
  }
  const values = set.map(({ value }) => value === key.value ? edit.value : value);
  await records.setRecords({ zone, name, type, values, view, expiresIn, ...kept });
}

/** Seconds until the record goes by itself; 0 for never. At least 1, as 0 would keep it for good. */
function secondsLeft(record: DnsRecord, now: number): number {
  if (record.expiresAt === undefined) return 0;
  return Math.max(1, Math.round((timestampMs(record.expiresAt) - now) / 1000));
}
