/** What MCIAS does to the outside. It connects to nobody: it must run when all else is down. */
import type { Declaration } from "@lib/sandbox/mod.ts";

export const sandbox: Declaration = {
  program: "mcias",
  listen: ["server.rest_addr", "server.grpc_addr"],
  read: ["server.tls_cert", "server.tls_key", "keys.master_key_file", "keys.passphrase_file"],
  write: ["server.data_dir"],
  verbs: {
    status: { connect: ["server.rest_addr"], read: ["server.ca_cert"] },
    snapshot: { write: ["server.data_dir"] },
  },
  unstable: ["net"],
  takeover: true,
};
