/**
 * What MC-Proxy does to the outside.
 * @module
 */
import type { Declaration } from "@lib/sandbox/mod.ts";

export const sandbox: Declaration = {
  program: "mcproxy",
  listen: ["listeners.*.addr", "metrics.addr", "server.rest_addr", "server.grpc_addr"],
  connect: ["backends.allow_hosts"],
  read: ["certificates.dir"],
  write: ["server.data_dir"],
  // Port sharing, for a restart without a gap.
  unstable: ["net"],
  takeover: true,
};
