/**
 * Tells secondaries of changes (RFC 1996). One run per zone and secondary at a time: it sends until an answer comes, with
 * growing pauses, always the newest serial; a change during a run makes it send once more. Changes within 50 ms are told
 * of as one.
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { serialOfSoa } from "../../domain/serial_order.ts";
import type { RecordSet } from "../../domain/zone.ts";
import type { NotifyState } from "../../operations/transfer_control.ts";
import { hostPortOf, type PeerAddress, type ZonePeer } from "../../domain/zone_peer.ts";
import type { TsigKeyStore } from "../../store/tsig_key_store.ts";
import type { ZoneEditor } from "../../store/zone_editor.ts";
import type { ZonePeerStore } from "../../store/zone_peer_store.ts";
import type { ZoneReader } from "../../store/zone_store.ts";
import { classIn, opcodes, rcodes, types } from "../codes.ts";
import { DatagramExchange } from "./datagram_exchange.ts";
import { MessageWriter, sections } from "./message_writer.ts";
import { rcodeText } from "../query_log.ts";
import { readRawMessage } from "./raw_message.ts";
import type { TransferCounters } from "./transfer_counters.ts";
import { ReplyVerifier, signRequest } from "./tsig.ts";

export interface NotifySenderOptions {
  readonly zones: ZoneReader;
  readonly editor: ZoneEditor;
  readonly keys: TsigKeyStore;
  readonly peers: ZonePeerStore;
  /** Addresses to send from, one per IP version; port 0 for any free one. */
  readonly sources: readonly PeerAddress[];
  readonly counters: TransferCounters;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long the writer of several changes may take between them. */
const coalesceMs = 50;

/** Waits for an answer, in ms: 10 tries, about 4 minutes in all. A secondary that stays silent asks by its own refresh. */
const waitsMs = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 60_000, 60_000, 60_000];

/** Sockets at once: a change to every zone must not take all file descriptors. */
const maxRuns = 64;

interface Run {
  readonly zone: DomainName;
  peer: ZonePeer;
  again: boolean;
}

/** Sends NOTIFY messages over UDP. */
export class NotifySender {
  readonly #options: NotifySenderOptions;
  readonly #writer = new MessageWriter();
  readonly #runs = new Map<string, Run>();
  readonly #waiting: Run[] = [];
  readonly #states = new Map<string, Map<string, NotifyState>>();
  readonly #sockets = new Set<DatagramExchange>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #working = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #active = 0;

  constructor(options: NotifySenderOptions) {
    this.#options = options;
  }

  /** The zone has changed: its secondaries will be told, soon. Never throws. */
  changed(zone: DomainName): void {
    if (this.#closing.signal.aborted || this.#timers.has(zone.key)) return;
    this.#timers.set(
      zone.key,
      setTimeout(() => {
        this.#timers.delete(zone.key);
        this.notify(zone);
      }, coalesceMs),
    );
  }

  /** Tells its secondaries now. Never throws. */
  notify(zone: DomainName): void {
    if (this.#closing.signal.aborted) return;
    try {
      const { zones, peers } = this.#options;
      const row = zones.find(zone);
      if (row === undefined) {
        this.#states.delete(zone.key);
        return;
      }
      for (const peer of peers.list(row, "secondary")) if (hostPortOf(peer) !== null) this.#enqueue(zone, peer);
    } catch (error) {
      this.#options.log.warn("cannot tell secondaries of a change", { zone: zone.text, error: messageOf(error) });
    }
  }

  /** What the zone's secondaries said, by address. */
  statesOf(zone: DomainName): NotifyState[] {
    return [...this.#states.get(zone.key)?.values() ?? []];
  }

  /** Ends all runs. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#waiting.length = 0;
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#working);
  }

  #enqueue(zone: DomainName, peer: ZonePeer): void {
    const id = `${zone.key} ${peer.address}`;
    const run = this.#runs.get(id);
    if (run !== undefined) {
      run.again = true;
      run.peer = peer;
      return;
    }
    const fresh: Run = { zone, peer, again: false };
    this.#runs.set(id, fresh);
    this.#waiting.push(fresh);
    this.#startMore();
  }

  #startMore(): void {
    while (this.#active < maxRuns) {
      const run = this.#waiting.shift();
      if (run === undefined) return;
      this.#active++;
      const work = this.#run(run).finally(() => {
        this.#active--;
        this.#working.delete(work);
        this.#runs.delete(`${run.zone.key} ${run.peer.address}`);
        this.#startMore();
      });
      this.#working.add(work);
    }
  }

  async #run(run: Run): Promise<void> {
    do {
      run.again = false;
      await this.#tell(run).catch((error) => this.#note(run, 0, false, messageOf(error)));
    } while (run.again && !this.#closing.signal.aborted);
  }

  /** Sends until there is an answer. Throws when nothing can be sent. */
  async #tell(run: Run): Promise<void> {
    const to = hostPortOf(run.peer)!;
    const isV6 = to.hostname.includes(":");
    const source = this.#options.sources.find(({ hostname }) => hostname.includes(":") === isV6);
    if (source === undefined) throw new Error(`transfer.source_addrs has no IPv${isV6 ? 6 : 4} address to send from`);
    const socket = new DatagramExchange(source, to);
    this.#sockets.add(socket);
    try {
      for (const waitMs of waitsMs) {
        const soa = this.#soaOf(run.zone);
        if (soa === null || this.#closing.signal.aborted) return;
        run.again = false;
        const answer = await this.#ask(socket, run, soa, waitMs);
        if (answer !== null) return this.#note(run, serialOfSoa(soa.data[0]!), answer === "", answer);
        this.#note(run, serialOfSoa(soa.data[0]!), false, "no answer yet");
      }
      this.#note(
        run,
        0,
        false,
        `no answer to ${waitsMs.length} messages; it will ask by itself when its refresh time is up`,
      );
    } finally {
      this.#sockets.delete(socket);
      socket.close();
    }
  }

  /** Null when no answer came in time, "" when it was taken, else what is wrong. */
  async #ask(
    socket: DatagramExchange,
    { zone, peer }: Run,
    soa: RecordSet,
    waitMs: number,
  ): Promise<string | null> {
    const { keys, clock, counters } = this.#options;
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    // RFC 1996 §3.7: AA, and the SOA as a hint.
    this.#writer.start({ id, opcode: opcodes.NOTIFY, authoritative: true }, {
      key: zone.key,
      type: types.SOA,
      class: classIn,
    });
    this.#writer.add(sections.answer, {
      owner: zone.key,
      type: types.SOA,
      ttlSeconds: soa.ttlSeconds,
      data: soa.data[0]!,
    });
    const message = this.#writer.finish();
    const key = peer.tsigKey === "" ? undefined : keys.find(DomainName.parse(peer.tsigKey, "tsig_key").key);
    if (peer.tsigKey !== "" && key === undefined) {
      return `TSIG key ${peer.tsigKey} is gone; set the zone's secondaries anew`;
    }
    const request = key === undefined ? { packet: message, mac: null } : signRequest(message, key, clock);
    counters.notifiesOut++;
    await socket.send(request.packet);
    const deadline = clock.monotonic() + waitMs;
    for (;;) {
      const packet = await socket.receive(Math.max(0, deadline - clock.monotonic()));
      if (packet === null) return null;
      const reply = readRawMessage(packet);
      if (reply === null || !reply.isReply || reply.id !== id || reply.opcode !== opcodes.NOTIFY) continue;
      const problem = key === undefined ? null : new ReplyVerifier(key, request.mac!, clock).take(reply);
      if (problem !== null) return problem;
      return reply.rcode === rcodes.NOERROR ? "" : `it answered ${rcodeText(reply.rcode)}`;
    }
  }

  #soaOf(zone: DomainName): RecordSet | null {
    const { zones, editor } = this.#options;
    if (zones.find(zone) === undefined) return null;
    const published = editor.zone(zone);
    return published.isAnswerable ? published.soaSet : null;
  }

  #note({ zone, peer }: Run, serial: number, acknowledged: boolean, error: string): void {
    if (this.#closing.signal.aborted) return;
    let states = this.#states.get(zone.key);
    if (states === undefined) this.#states.set(zone.key, states = new Map());
    const before = states.get(peer.address);
    const { clock, log } = this.#options;
    const told = serial === 0 ? before?.serial ?? 0 : serial;
    states.set(peer.address, { address: peer.address, serial: told, acknowledged, error, at: clock.now() });
    if (error !== "" && error !== before?.error) {
      log.info("a secondary has not taken a NOTIFY", { zone: zone.text, secondary: peer.address, error });
    }
  }
}
