import type { Declaration } from "@lib/sandbox/mod.ts";

/**
 * The agent is the one program of the platform that may start another, and only the deno binary. It reads
 * the services' folders for their configs and writes only its own, the ingress's certificates and the certificates that it
 * renews: a program's data folder is made by the program's own lifeline, under the program's own grants.
 */
export const sandbox: Declaration = {
  program: "mcpagent",
  listen: ["server.rest_addr", "server.grpc_addr", "node.local_socket"],
  connect: [
    "mcias.address",
    "metacrypt.address",
    "mcns.address",
    "mcr.address",
    "mcproxy.admin_socket",
    "mcproxy.health_socket",
    "node.address",
  ],
  read: [
    "server.tls_cert",
    "server.tls_key",
    "mcias.ca_cert",
    "auth.token_file",
    "node.srv_dir",
    "boot.definitions_dir",
  ],
  write: [
    "server.data_dir",
    "node.bundles_dir",
    "node.logs_dir",
    "node.run_dir",
    "mcproxy.certs_dir",
    "renewal.folders",
  ],
  verbs: {
    status: { connect: ["server.rest_addr"], read: ["server.ca_cert"] },
    snapshot: { write: ["server.data_dir"] },
  },
  run: ["deno.path"],
  // Port checks beside a program that shares its port with its successor.
  unstable: ["net"],
};
