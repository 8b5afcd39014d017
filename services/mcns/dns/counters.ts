import type { Registry } from "@lib/metrics/mod.ts";

/** What the DNS side has done since start. Plain fields: counting costs one addition per packet. */
export class Counters {
  queriesUdp = 0;
  queriesTcp = 0;
  /** Answered from our zones. */
  authoritative = 0;
  /** Answered with what an upstream said, from the cache or just now. */
  forwarded = 0;
  cacheHits = 0;
  refused = 0;
  servfail = 0;
  /** FORMERR replies, and packets too short or odd to reply to. */
  malformed = 0;
  /** Replies over UDP that told the client to come back over TCP. */
  truncated = 0;
  /** UDP replies that the sandbox or the network did not let out. */
  unsendable = 0;
  /** TCP connections closed at once because of a limit. */
  tcpRejected = 0;

  /** Shows them as Prometheus counters. */
  register(metrics: Registry): void {
    const counters: [string, string, () => number][] = [
      ["mcns_queries_udp_total", "Queries received over UDP", () => this.queriesUdp],
      ["mcns_queries_tcp_total", "Queries received over TCP", () => this.queriesTcp],
      ["mcns_answers_authoritative_total", "Replies from our zones", () => this.authoritative],
      ["mcns_answers_forwarded_total", "Replies with an upstream's answer", () => this.forwarded],
      ["mcns_cache_hits_total", "Forwarded replies that came from the cache", () => this.cacheHits],
      ["mcns_answers_refused_total", "Replies REFUSED", () => this.refused],
      ["mcns_answers_servfail_total", "Replies SERVFAIL", () => this.servfail],
      ["mcns_malformed_total", "Packets that were no well-formed query", () => this.malformed],
      ["mcns_truncated_total", "UDP replies with TC set", () => this.truncated],
      ["mcns_udp_unsendable_total", "UDP replies that could not be sent", () => this.unsendable],
      ["mcns_tcp_rejected_total", "TCP connections over a limit", () => this.tcpRejected],
    ];
    for (const [name, help, read] of counters) metrics.counterFrom(name, help, read);
  }
}
