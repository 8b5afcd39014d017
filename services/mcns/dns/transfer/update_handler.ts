/** Carries dynamic updates out (RFC 2136): only signed ones, only within the key's scopes, whole or not at all. */
import type { Logger } from "@lib/log/mod.ts";
import { DomainName, textOfKey } from "../../domain/name.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { checkData, formatData, parseData } from "../../domain/rdata/record_data.ts";
import { types, typeText } from "../../domain/rdata/record_type.ts";
import { RecordName } from "../../domain/record_name.ts";
import { planUpdate, type SetChange, updateClasses, UpdateFailure, type UpdateRecord } from "../../domain/update.ts";
import { allows, allowsZone } from "../../domain/update_scope.ts";
import type { Edit } from "../../store/edit_session.ts";
import type { HeldKey } from "../../store/tsig_key_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZoneReader } from "../../store/zone_store.ts";
import { classIn, extendedErrors, rcodes } from "../codes.ts";
import type { Client } from "../transport/responder.ts";
import type { ErrorNote } from "./message_writer.ts";
import type { RawMessage, RawRecord } from "./raw_message.ts";
import type { RefusalLog } from "./refusal_log.ts";
import type { TransferCounters } from "./transfer_counters.ts";

export interface UpdateOutcome {
  readonly rcode: number;
  readonly note: ErrorNote | null;
}

const done: UpdateOutcome = { rcode: rcodes.NOERROR, note: null };

export class UpdateHandler {
  readonly #zones: ZoneReader;
  readonly #editor: ZoneEditor;
  readonly #counters: TransferCounters;
  readonly #refusals: RefusalLog;
  readonly #log: Logger;

  constructor(
    { zones, editor, counters, refusals, log }: {
      zones: ZoneReader;
      editor: ZoneEditor;
      counters: TransferCounters;
      refusals: RefusalLog;
      log: Logger;
    },
  ) {
    this.#zones = zones;
    this.#editor = editor;
    this.#counters = counters;
    this.#refusals = refusals;
    this.#log = log;
  }

  /**
   * The change is on disk and in answers when this returns. Never throws.
   * @param key that signed the message; null for none
   */
  handle(message: RawMessage, key: HeldKey | null, client: Client): UpdateOutcome {
    const { question } = message;
    try {
      // RFC 2136 §3.1.1.
      if (question === null || question.type !== types.SOA) {
        return failed(rcodes.FORMERR, "the zone section has no SOA");
      }
      const zone = DomainName.fromKey(question.key);
      if (key === null) return this.#refuse(zone, client, null, "updates must be signed by a key");
      const outcome = this.#update(message, zone, question.class, key, client);
      if (outcome === done) this.#counters.updates++;
      return outcome;
    } catch (error) {
      const zone = question === null ? "" : textOfKey(question.key);
      if (error instanceof PlatformError && error.code === "unavailable") {
        this.#log.warn("cannot carry out an update", { zone, error: error.message });
        return failed(rcodes.SERVFAIL, "nothing was changed");
      }
      this.#log.error("cannot carry out an update", { zone, error });
      return failed(rcodes.SERVFAIL, "nothing was changed");
    }
  }

  #update(message: RawMessage, zone: DomainName, zoneClass: number, key: HeldKey, client: Client): UpdateOutcome {
    const row = this.#zones.find(zone);
    if (row === undefined || zoneClass !== classIn) {
      return failed(rcodes.NOTAUTH, `no zone ${zone} is here`, extendedErrors.NOT_AUTHORITATIVE);
    }
    // Before anything is said of its content.
    if (!allowsZone(key.scopes, zone.key)) {
      return this.#refuse(zone, client, key, "no scope of the key is of this zone");
    }
    if (row.kind === "secondary") {
      return this.#refuse(zone, client, key, "the zone is a secondary here: send updates to its primary");
    }
    const keyName = textOfKey(key.name);
    try {
      const by = { actor: `tsig:${keyName}`, remote: client.address };
      this.#editor.edit(zone, by, "update", (edit) => this.#apply(edit, message, key));
      return done;
    } catch (error) {
      if (error instanceof UpdateFailure) {
        if (error.rcode === "REFUSED") return this.#refuse(zone, client, key, error.message);
        return failed(rcodes[error.rcode], error.message);
      }
      // What the zone's rules don't allow.
      const isRefusal = error instanceof PlatformError &&
        ["invalid", "conflict", "denied", "too_large"].includes(error.code);
      if (isRefusal) return this.#refuse(zone, client, key, error.message);
      throw error;
    }
  }

  #apply(edit: Edit, message: RawMessage, key: HeldKey): void {
    const published = this.#editor.zone(edit.name);
    const changes = planUpdate(
      { zone: edit.name, prerequisites: message.answers.map(checked), changes: message.authorities.map(checked) },
      (owner) => new Map(published.setsAt(owner).map((set) => [set.type, set])),
      (owner, type) => allows(key.scopes, edit.name.key, owner, type),
    );
    for (const change of changes) carryOut(edit, change);
  }

  #refuse(zone: DomainName, client: Client, key: HeldKey | null, reason: string): UpdateOutcome {
    this.#counters.updatesRefused++;
    this.#refusals.tell("update refused", {
      zone: zone.text,
      client: client.address,
      key: key === null ? "" : textOfKey(key.name),
      reason,
    });
    return failed(rcodes.REFUSED, reason, extendedErrors.PROHIBITED);
  }
}

/** EDE "Other Error" where none says more. */
function failed(rcode: number, reason: string, code = 0): UpdateOutcome {
  return { rcode, note: { code, text: reason.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200) } };
}

/** The record, its data well formed. Throws UpdateFailure. */
function checked(record: RawRecord): UpdateRecord {
  if (record.data !== "" || record.class === updateClasses.IN) {
    const problem = record.data === "" && record.class !== updateClasses.IN
      ? null
      : checkData(record.type, record.data);
    if (problem !== null) {
      throw new UpdateFailure("FORMERR", `${typeText(record.type)} at ${textOfKey(record.owner)}: ${problem}`);
    }
  }
  return record;
}

/** Makes the records that all clients see at that name and type those of `after`. What views have of their own stays. */
function carryOut(edit: Edit, { owner, type, after }: SetChange): void {
  const name = RecordName.ofKey(owner, edit.name);
  const wanted = new Map((after?.data ?? []).map((data) => [formatData(type, data), data]));
  const text = typeText(type);
  let isTtlOther = false;
  for (const row of edit.recordsAt(name)) {
    if (row.type !== text || row.view !== "") continue;
    if (!wanted.delete(row.value)) edit.remove(row);
    else isTtlOther ||= row.ttl !== after!.ttlSeconds;
  }
  for (const [value, data] of wanted) {
    // The same rules as for values that come by the API: a digest's length, targets that are no addresses.
    parseData(type, value);
    edit.add({ name, type, data, ttlSeconds: after!.ttlSeconds });
  }
  if (isTtlOther) edit.setTtl(name, type, after!.ttlSeconds);
}
