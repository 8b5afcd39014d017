/**
 * Keeps secondaries in step with their primaries. Each zone has one timer: it is due when its refresh (or after a failure
 * its retry) is up, when a primary has sent NOTIFY, or when it expires. A zone is asked for by one try at a time; what
 * comes up during a try is done in one more after it.
 *
 * A try asks the primaries in their order until one is in step or has been taken over. Then the zone is good for its
 * SOA's expire time from now on; after that it is not answered (SERVFAIL), until a primary is heard again.
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName, textOfKey } from "../../domain/name.ts";
import { readSoa } from "../../domain/rdata/record_data.ts";
import { types } from "../../domain/rdata/record_type.ts";
import { expiryOf, nextTrySeconds } from "../../domain/refresh_schedule.ts";
import { changesByDeltas, changesToWhole, type NameChanges } from "../../domain/replica.ts";
import type { TransferContent, TransferLimits } from "../../domain/transfer_content.ts";
import { setOf, type Zone } from "../../domain/zone.ts";
import { hostPortOf, type ZonePeer } from "../../domain/zone_peer.ts";
import type { SecondaryState, SecondaryStore } from "../../store/secondary_store.ts";
import type { TsigKeyStore } from "../../store/tsig_key_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZonePeerStore } from "../../store/zone_peer_store.ts";
import type { ZoneReader, ZoneRow } from "../../store/zone_store.ts";
import type { TransferCounters } from "./transfer_counters.ts";
import { pullZone } from "./transfer_client.ts";

export interface SecondaryZonesOptions {
  readonly zones: ZoneReader & { all(): ZoneRow[] };
  readonly editor: ZoneEditor;
  readonly keys: TsigKeyStore;
  readonly peers: ZonePeerStore;
  readonly states: SecondaryStore;
  /** Trust anchors for transfers over TLS, PEM; "" for none. */
  readonly tlsCa: string;
  readonly limits: TransferLimits;
  readonly counters: TransferCounters;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when a zone's content has changed. Must not throw. */
  readonly onTransferred: (zone: DomainName) => void;
}

/** For connecting, and for each message, ms. */
const timeoutMs = 15_000;

/** Tries at once: each may hold a whole zone. */
const maxTries = 8;

interface Tracked {
  readonly zone: DomainName;
  failures: number;
  expiresAt: number | null;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next try is due, ms since the epoch. */
  dueAt: number;
  trying: Promise<void> | null;
  /** Something came up during a try. */
  again: boolean;
}

export class SecondaryZones {
  readonly #options: SecondaryZonesOptions;
  readonly #tracked = new Map<string, Tracked>();
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #tries = 0;

  constructor(options: SecondaryZonesOptions) {
    this.#options = options;
  }

  /** Before the first query: zones that expired while we were away stay unanswered. */
  suspendExpired(): void {
    const { zones, states, editor, clock } = this.#options;
    for (const row of zones.all()) {
      const expiresAt = row.kind === "secondary" ? states.get(row).expiresAt : null;
      if (expiresAt !== null && expiresAt <= clock.now()) {
        editor.suspend(DomainName.parse(`${row.name}.`, "zones.name"));
      }
    }
  }

  /** Takes up all secondaries that aren't yet; each is asked for right away. */
  start(): void {
    for (const row of this.#options.zones.all()) {
      const zone = DomainName.parse(`${row.name}.`, "zones.name");
      if (row.kind === "secondary" && !this.#tracked.has(zone.key)) this.#track(row, zone);
    }
  }

  /** A zone was created, changed or deleted. Never throws. */
  changed(zone: DomainName): void {
    if (this.#closing.signal.aborted) return;
    try {
      const row = this.#options.zones.find(zone);
      const tracked = this.#tracked.get(zone.key);
      if (row?.kind === "secondary") {
        if (tracked === undefined) this.#track(row, zone);
      } else if (tracked !== undefined) this.#untrack(tracked);
    } catch (error) {
      this.#options.log.error("cannot take up a secondary zone", { zone: zone.text, error });
    }
  }

  notified(zone: DomainName): void {
    const tracked = this.#tracked.get(zone.key);
    if (tracked !== undefined) this.#tryNow(tracked);
  }

  /** Asks the primaries now; resolves when that is done, or there is nothing to do. Never rejects. */
  async refresh(zone: DomainName): Promise<void> {
    const tracked = this.#tracked.get(zone.key);
    if (tracked === undefined) return;
    this.#tryNow(tracked);
    // A try that was under way may have asked before the change that this is about.
    while (tracked.trying !== null && !this.#closing.signal.aborted) await tracked.trying;
  }

  isExpired(zone: DomainName): boolean {
    const expiresAt = this.#tracked.get(zone.key)?.expiresAt ?? null;
    return expiresAt !== null && expiresAt <= this.#options.clock.now();
  }

  /** A sentence for each zone that is not answered because no primary has been heard of for too long. */
  problems(): string[] {
    return [...this.#tracked.values()].filter(({ zone }) => this.isExpired(zone)).map(({ zone }) =>
      `secondary zone ${zone} has expired and is not answered: no primary of it could be asked`
    );
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const { timer } of this.#tracked.values()) clearTimeout(timer);
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#tracked.values()].map(({ trying }) => trying));
  }

  #track(row: ZoneRow, zone: DomainName): void {
    const { states, editor, clock } = this.#options;
    const { expiresAt } = states.get(row);
    const tracked: Tracked = {
      ...{ zone, failures: 0, expiresAt, timer: undefined, dueAt: clock.now(), trying: null, again: false },
    };
    this.#tracked.set(zone.key, tracked);
    if (this.isExpired(zone)) editor.suspend(zone);
    this.#tryNow(tracked);
  }

  #untrack(tracked: Tracked): void {
    clearTimeout(tracked.timer);
    this.#tracked.delete(tracked.zone.key);
  }

  #tryNow(tracked: Tracked): void {
    if (this.#closing.signal.aborted) return;
    if (tracked.trying !== null) {
      tracked.again = true;
      return;
    }
    clearTimeout(tracked.timer);
    tracked.trying = this.#tryInTurn(tracked).catch((error) => {
      tracked.failures++;
      this.#options.log.error("cannot refresh a secondary zone", { zone: tracked.zone.text, error });
    }).finally(() => {
      tracked.trying = null;
      if (this.#closing.signal.aborted || this.#tracked.get(tracked.zone.key) !== tracked) return;
      if (tracked.again) {
        tracked.again = false;
        this.#tryNow(tracked);
      } else this.#schedule(tracked);
    });
  }

  /** Sets the timer for the next try, or for the end of the zone's time where that comes first. */
  #schedule(tracked: Tracked): void {
    const { editor, zones, clock } = this.#options;
    const row = zones.find(tracked.zone);
    if (row === undefined) return this.#untrack(tracked);
    const held = editor.zone(tracked.zone);
    const soa = held.isAnswerable ? held.soa : null;
    tracked.dueAt = clock.now() + nextTrySeconds(soa, tracked.failures, Math.random()) * 1000;
    this.#arm(tracked);
  }

  #arm(tracked: Tracked): void {
    const now = this.#options.clock.now();
    const { expiresAt, dueAt } = tracked;
    const endsFirst = expiresAt !== null && expiresAt > now && expiresAt < dueAt;
    tracked.timer = setTimeout(() => {
      this.#endIfExpired(tracked);
      if (this.#options.clock.now() >= tracked.dueAt) this.#tryNow(tracked);
      else this.#arm(tracked);
    }, Math.max(0, Math.ceil((endsFirst ? expiresAt : dueAt) - now)));
  }

  #endIfExpired({ zone }: Tracked): void {
    if (!this.isExpired(zone)) return;
    this.#options.log.warn("a secondary zone has expired and is not answered", { zone: zone.text });
    this.#options.editor.suspend(zone);
  }

  async #tryInTurn(tracked: Tracked): Promise<void> {
    while (this.#tries >= maxTries && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#closing.signal.aborted) return;
    this.#tries++;
    try {
      await this.#try(tracked);
    } finally {
      this.#tries--;
      this.#waiting.shift()?.();
    }
  }

  async #try(tracked: Tracked): Promise<void> {
    const { zones, peers, states, counters, clock, log, editor } = this.#options;
    const { zone } = tracked;
    const row = zones.find(zone);
    if (row === undefined) return;
    const before = states.get(row);
    const errors: string[] = [];
    for (const peer of peers.list(row, "primary")) {
      try {
        const transferred = await this.#takeFrom(peer, tracked);
        if (this.#closing.signal.aborted || this.#tracked.get(zone.key) !== tracked) return;
        const checkedAt = clock.now();
        tracked.failures = 0;
        tracked.expiresAt = expiryOf(editor.zone(zone).soa, checkedAt);
        const transferredAt = transferred ? checkedAt : before.transferredAt;
        // Errors of primaries that come before this one are worth knowing of all the same.
        const error = errors.join("; ");
        states.put(zones.get(zone), { checkedAt, transferredAt, expiresAt: tracked.expiresAt, error });
        editor.resume(zone);
        if (error !== "" && error !== before.error) log.warn("a primary cannot be used", { zone: zone.text, error });
        if (transferred) this.#options.onTransferred(zone);
        return;
      } catch (error) {
        if (this.#closing.signal.aborted || this.#tracked.get(zone.key) !== tracked) return;
        if (!(error instanceof PlatformError)) log.error("a zone transfer failed", { zone: zone.text, error });
        counters.transfersFailed++;
        errors.push(`${peer.address}: ${messageOf(error)}`);
      }
    }
    if (this.#tracked.get(zone.key) !== tracked) return;
    tracked.failures++;
    const error = errors.join("; ") || "it has no primaries: set them";
    states.put(row, { ...before, error });
    if (error !== before.error) log.warn("no primary has the zone", { zone: zone.text, error });
  }

  /** Whether there was anything new. Throws what there is to show. */
  async #takeFrom(peer: ZonePeer, tracked: Tracked): Promise<boolean> {
    const { editor, counters, log } = this.#options;
    const { zone } = tracked;
    for (let useDeltas = true;; useDeltas = false) {
      const held = editor.zone(zone);
      // An expired zone is as good as none: whatever a primary has is better.
      const soa = held.isAnswerable && !this.isExpired(zone) ? held.soaSet : null;
      const pulled = await pullZone(this.#pullOptions(peer, zone), soa, useDeltas);
      if (this.#closing.signal.aborted || pulled.kind === "current") return false;
      this.#checkStill(peer, tracked);
      if (pulled.kind === "older") {
        throw new PlatformError("unavailable", `its serial ${pulled.serial} is behind ours, ${held.serial}`);
      }
      const changes = changesOf(held, pulled);
      if (changes === null) {
        if (!useDeltas) throw new PlatformError("unavailable", "its differences do not fit what is here");
        log.info("differences do not fit, asking for the whole zone", { zone: zone.text, primary: peer.address });
        continue;
      }
      this.#replicate(zone, changes, peer);
      counters.transfersIn++;
      log.info("zone taken over", {
        zone: zone.text,
        primary: peer.address,
        serial: pulled.serial,
        kind: pulled.kind,
        names: changes.size,
      });
      return true;
    }
  }

  /** A transfer takes a while, and who may be believed can change meanwhile. Throws Unavailable. */
  #checkStill({ address, tsigKey, tlsName }: ZonePeer, tracked: Tracked): void {
    const { zones, peers } = this.#options;
    const row = this.#tracked.get(tracked.zone.key) === tracked ? zones.find(tracked.zone) : undefined;
    const isPrimary = row !== undefined &&
      peers.list(row, "primary").some((one) =>
        one.address === address && one.tsigKey === tsigKey && one.tlsName === tlsName
      );
    if (!isPrimary) throw new PlatformError("unavailable", "it is no primary of the zone any more");
  }

  #pullOptions({ address, tsigKey, tlsName, ...rest }: ZonePeer, zone: DomainName) {
    const { keys, tlsCa, limits, clock } = this.#options;
    const key = tsigKey === "" ? null : keys.find(DomainName.parse(tsigKey, "tsig_key").key);
    if (key === undefined) {
      throw new PlatformError("unavailable", `TSIG key ${tsigKey} is gone; set the primaries anew`);
    }
    if (tlsName !== "" && tlsCa === "") {
      throw new PlatformError("unavailable", "transfers over TLS need transfer.tls_ca in the config");
    }
    const peer = hostPortOf({ address, tsigKey, tlsName, ...rest })!;
    return { peer, tlsName, tlsCa, timeoutMs, signal: this.#closing.signal, zone, key, limits, clock };
  }

  #replicate(zone: DomainName, changes: NameChanges, { address }: ZonePeer): void {
    const set = setOf(changes.get(zone.key) ?? [], types.SOA);
    if (set === undefined) throw new PlatformError("unavailable", "it sent a zone without SOA");
    const { primaryNs, mailbox, serial, refresh, retry, expire, minimum } = readSoa(set.data[0]!);
    this.#options.editor.replicate(zone, {
      soa: {
        primaryNs: textOfKey(primaryNs.key),
        adminEmail: textOfKey(mailbox.key),
        ...{ serial, refresh, retry, expire, minimum, ttlSeconds: set.ttlSeconds },
      },
      changes,
    }, { actor: `primary ${address}`, remote: address });
  }

  /** How the zone fares; for people. */
  stateOf(row: ZoneRow): SecondaryState {
    return this.#options.states.get(row);
  }
}

/** Null when differences don't fit. */
function changesOf(held: Zone, content: Exclude<TransferContent, { kind: "current" }>): NameChanges | null {
  if (content.kind === "whole") return changesToWhole(held, content.records);
  try {
    return changesByDeltas(held, content.deltas);
  } catch (error) {
    if (error instanceof PlatformError && error.code === "invalid") return null;
    throw error;
  }
}
