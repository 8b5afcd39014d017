/**
 * The configuration's limits, as the wire takes them.
 * @module
 */
import type { Config } from "./config.ts";
import type { IngressLimits } from "./tls/ingress.ts";

export function limitsOf({ limits, backends }: Config): IngressLimits {
  return {
    maxConnections: limits.max_connections,
    helloBytes: limits.hello_max_bytes,
    helloMs: limits.hello_timeout_ms,
    handshakeMs: limits.handshake_timeout_ms,
    tunnelIdleMs: limits.tunnel_idle_ms,
    http: {
      head: { maxBytes: limits.head_max_bytes, maxFields: limits.head_max_fields },
      headMs: limits.head_timeout_ms,
      keepAliveMs: limits.keepalive_timeout_ms,
      bodyMs: limits.body_timeout_ms,
      responseMs: backends.response_timeout_ms,
      streamIdleMs: limits.stream_idle_ms,
      tunnelIdleMs: limits.tunnel_idle_ms,
    },
  };
}
