import type { Declaration } from "@lib/sandbox/mod.ts";

export const sandbox: Declaration = {
  program: "mcns",
  listen: [
    "server.rest_addr",
    "server.grpc_addr",
    "dns.listen_addrs",
    "dns.tls_listen_addrs",
    "forward.source_addrs",
    "transfer.source_addrs",
  ],
  datagramPeers: ["dns.allow_clients"],
  connect: ["mcias.address", "forward.upstreams", "forward.tls_upstreams", "transfer.peers"],
  read: [
    "server.tls_cert",
    "server.tls_key",
    "mcias.ca_cert",
    "dns.cookie_secret_file",
    "forward.tls_ca",
    "forward.blocklist_files",
    "transfer.tls_ca",
  ],
  write: ["server.data_dir", "dnssec.key_file"],
  verbs: {
    status: { connect: ["server.rest_addr"], read: ["server.ca_cert"] },
    snapshot: { write: ["server.data_dir"] },
  },
  unstable: ["net"],
  takeover: true,
  // The largest cache takes 128 MiB, the import of a million records most of it. Zones are not on the heap.
  memoryMib: 512,
};
