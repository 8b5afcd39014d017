import type { Registry } from "@lib/metrics/mod.ts";
import type { Client } from "./transport/responder.ts";

/** What the DNS side has done since start. Plain fields: counting costs one addition per packet. */
export class Counters {
  queriesUdp = 0;
  queriesTcp = 0;
  queriesTls = 0;
  queriesHttps = 0;
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
  /** Answers given past their time, as no upstream replied (RFC 8767). */
  staleAnswers = 0;
  /** Names on a block list. */
  blocked = 0;
  /** Replies held back or cut short because of too many of their kind to one network. */
  rateLimited = 0;
  /** Replies cut short because they were many times as long as their query, to clients that may be forged. */
  amplificationLimited = 0;
  /** UDP replies that the sandbox or the network did not let out. */
  unsendable = 0;
  /** UDP queries dropped because 2,000 others wait for an upstream. */
  udpOverload = 0;
  /** TCP and TLS connections closed at once because of a limit. */
  tcpRejected = 0;

  /** A query has come in. */
  received(transport: Client["transport"]): void {
    if (transport === "udp") this.queriesUdp++;
    else if (transport === "tcp") this.queriesTcp++;
    else if (transport === "tls") this.queriesTls++;
    else this.queriesHttps++;
  }

  /** Shows them as Prometheus counters. */
  register(metrics: Registry): void {
    const counters: [string, string, () => number][] = [
      ["mcns_queries_udp_total", "Queries received over UDP", () => this.queriesUdp],
      ["mcns_queries_tcp_total", "Queries received over TCP", () => this.queriesTcp],
      ["mcns_queries_tls_total", "Queries received over TLS", () => this.queriesTls],
      ["mcns_queries_https_total", "Queries received over HTTPS", () => this.queriesHttps],
      ["mcns_answers_authoritative_total", "Replies from our zones", () => this.authoritative],
      ["mcns_answers_forwarded_total", "Replies with an upstream's answer", () => this.forwarded],
      ["mcns_cache_hits_total", "Forwarded replies that came from the cache", () => this.cacheHits],
      ["mcns_answers_refused_total", "Replies REFUSED", () => this.refused],
      ["mcns_answers_servfail_total", "Replies SERVFAIL", () => this.servfail],
      ["mcns_malformed_total", "Packets that were no well-formed query", () => this.malformed],
      ["mcns_truncated_total", "UDP replies with TC set", () => this.truncated],
      ["mcns_stale_answers_total", "Answers given past their time", () => this.staleAnswers],
      ["mcns_blocked_total", "Queries for names on a block list", () => this.blocked],
      ["mcns_rate_limited_total", "UDP replies over the rate limit", () => this.rateLimited],
      ["mcns_amplification_limited_total", "UDP replies too long for their query", () => this.amplificationLimited],
      ["mcns_udp_unsendable_total", "UDP replies that could not be sent", () => this.unsendable],
      ["mcns_udp_overload_total", "UDP queries dropped because too many wait for upstreams", () => this.udpOverload],
      ["mcns_tcp_rejected_total", "TCP and TLS connections over a limit", () => this.tcpRejected],
    ];
    for (const [name, help, read] of counters) metrics.counterFrom(name, help, read);
  }
}
