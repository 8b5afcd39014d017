/** What Metacrypt does to the outside. */
import type { Declaration } from "@lib/sandbox/mod.ts";

export const sandbox: Declaration = {
  program: "metacrypt",
  listen: ["server.rest_addr", "server.grpc_addr"],
  connect: ["mcias.address"],
  // ca_cert: for the verb status.
  read: ["server.tls_cert", "server.tls_key", "server.ca_cert", "mcias.ca_cert", "seal.auto_unseal_key_file"],
  write: ["server.data_dir"],
  env: ["PORT_REST", "PORT_GRPC"],
  unstable: ["net"],
  takeover: true,
};
