import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import { rootKey } from "../../domain/name.ts";
import { rcodes, types } from "../codes.ts";
import type { Message } from "../message.ts";
import type { Channel } from "./channel.ts";
import { UpstreamHealth } from "./upstream_health.ts";
import type { Question } from "./upstream_reply.ts";

/** How long an upstream that doesn't know EDNS is asked without it, ms. */
const plainMs = 10 * 60_000;

/** Until it has been measured, and at least: less would ask a second upstream at every jitter. */
const minPatienceMs = 100;

/** What an operator sees of an upstream. */
export interface UpstreamState {
  address: string;
  healthy: boolean;
  /** Queries without any reply, since start. */
  failures: number;
  queries: number;
  /** Smoothed round trip, ms; 0 when it never replied. */
  rttMs: number;
  /** Why there was no reply to the last query, where that is known; else empty. */
  error: string;
}

/** What is asked when an upstream was down: every resolver has the root's name servers at hand. */
const probe: Question = { key: rootKey, type: types.NS, dnssecOk: false, checkingDisabled: false };

/** A resolver to ask. */
export class Upstream {
  /** As configured. */
  readonly address: string;
  readonly health: UpstreamHealth;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #running = new Set<Promise<Message | null>>();
  #plainUntil = -Infinity;
  /** Whether it ever replied to a query with EDNS. */
  #knowsEdns = false;
  #error = "";
  #probing = false;

  constructor(address: string, channel: Channel, clock: Clock) {
    this.address = address;
    this.#channel = channel;
    this.#clock = clock;
    this.health = new UpstreamHealth(clock);
  }

  get state(): UpstreamState {
    const { isDown, failures, queries, srttMs } = this.health;
    return { address: this.address, healthy: !isDown, failures, queries, rttMs: srttMs, error: this.#error };
  }

  /** How long to wait for it before another is asked as well, ms: twice its usual time. */
  get patienceMs(): number {
    return Math.max(2 * this.health.srttMs, minPatienceMs);
  }

  /** So much is under way that another query is better not begun. */
  get isBusy(): boolean {
    return this.#channel.isBusy;
  }

  /**
   * Its reply; null when none came within `timeoutMs`, which counts as a failure. Never throws. Not to be called while it
   * `isBusy`.
   * @param isRetry it gave no reply to the same question just now: asked without EDNS, which some path may not let through
   */
  ask(question: Question, timeoutMs: number, isRetry = false): Promise<Message | null> {
    const running = this.#ask(question, timeoutMs, isRetry).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /** Where it is down and its back-off is over: asks something, so that no client has to find out. */
  async tend(timeoutMs: number): Promise<void> {
    if (this.#probing || this.isBusy || !this.health.isProbeDue) return;
    this.#probing = true;
    await this.ask(probe, timeoutMs);
    this.#probing = false;
  }

  /** Ends what is under way: it counts as unanswered. */
  async close(): Promise<void> {
    await this.#channel.close();
    await Promise.all(this.#running);
  }

  async #ask(question: Question, timeoutMs: number, isRetry: boolean): Promise<Message | null> {
    const { health } = this;
    const start = this.#clock.monotonic();
    const deadline = performance.now() + timeoutMs;
    const edns = !isRetry && start >= this.#plainUntil;
    health.asked();
    let reply: Message | null = null;
    try {
      this.#error = "";
      reply = await this.#channel.ask({ question, edns }, timeoutMs);
      if (edns && reply !== null && complainsOfEdns(reply)) {
        const plain = await this.#channel.ask({ question, edns: false }, Math.max(1, deadline - performance.now()));
        // RFC 6891 §7. Only when it helped: FORMERR can have other reasons.
        if (plain !== null && !complainsOfEdns(plain)) this.#plainUntil = this.#clock.monotonic() + plainMs;
        reply = plain ?? reply;
      } else if (edns && reply !== null) {
        this.#knowsEdns = true;
      } else if (isRetry && reply !== null) {
        if (!this.#knowsEdns) this.#plainUntil = this.#clock.monotonic() + plainMs;
        this.#channel.onPlainOnly();
      }
    } catch (error) {
      this.#error = messageOf(error);
    }
    if (reply === null) health.failed();
    else health.replied(this.#clock.monotonic() - start, isRefusal(reply));
    return reply;
  }
}

function complainsOfEdns({ rcode }: Message): boolean {
  return rcode === rcodes.FORMERR || rcode === rcodes.NOTIMP || rcode === rcodes.BADVERS;
}

function isRefusal({ rcode }: Message): boolean {
  return rcode === rcodes.REFUSED || rcode === rcodes.NOTIMP;
}
