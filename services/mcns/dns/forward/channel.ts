import type { Message } from "../message.ts";
import type { Question } from "./upstream_reply.ts";

export interface ChannelQuery {
  readonly question: Question;
  /** Whether to send an OPT record; without one the upstream is asked as it was in 1987. */
  readonly edns: boolean;
}

/** The way to one upstream: plain (UDP and TCP) or TLS. */
export interface Channel {
  /** Whether so much is under way that another query is better not begun. */
  readonly isBusy: boolean;
  /** The reply, null when none came within `timeoutMs`. Throws when there is a reason to tell why not (refused, wrong certificate). */
  ask(query: ChannelQuery, timeoutMs: number): Promise<Message | null>;
  /** Told when the upstream replied to a query without EDNS after none to one with it. */
  onPlainOnly(): void;
  /** Ends what is under way, as unanswered, and closes connections; none is opened afterwards. */
  close(): Promise<void>;
}
