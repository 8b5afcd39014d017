import type { Declaration } from "@lib/sandbox/mod.ts";

export const sandbox: Declaration = {
  program: "mcr",
  listen: ["server.rest_addr", "server.grpc_addr"],
  connect: ["mcias.address"],
  read: ["server.tls_cert", "server.tls_key", "mcias.ca_cert"],
  write: ["server.data_dir"],
  verbs: {
    status: { connect: ["server.rest_addr"], read: ["server.ca_cert"] },
    snapshot: { write: ["server.data_dir"] },
  },
  unstable: ["net"],
  takeover: true,
};
