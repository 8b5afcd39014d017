/**
 * What MC-Proxy does to the outside.
 * @module
 */
import type { Declaration } from "@lib/sandbox/mod.ts";

export const sandbox: Declaration = {
  program: "mcproxy",
  listen: [
    "listeners.*.addr",
    "listen.allow_addrs",
    "metrics.addr",
    "server.rest_addr",
    "server.grpc_addr",
    "admin.rest_addr",
    "admin.grpc_addr",
  ],
  connect: ["backends.allow_hosts", "acme.address", "admin.mcias_addr"],
  read: [
    "certificates.dir",
    "backends.ca_file",
    "firewall.country_db",
    "acme.ca_cert",
    "acme.eab_key_file",
    "admin.tls_cert",
    "admin.tls_key",
    "admin.mcias_ca_cert",
  ],
  write: ["server.data_dir", "access_log.dir"],
  verbs: {
    // By plain HTTP: whoever reaches the API's socket may change routes.
    status: { connect: ["metrics.addr"] },
    snapshot: { write: ["server.data_dir"] },
  },
  // Port sharing, for a restart without a gap.
  unstable: ["net"],
  takeover: true,
  // Requests leave little behind that lives: a tenth less CPU time, and half the growth under floods.
  singleThreadedGc: true,
};
