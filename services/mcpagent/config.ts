import { address, type ConfigOf, defineConfig, integer, path, paths, required, tables, text } from "@lib/config/mod.ts";
import { logSection, mciasSection, serverSection } from "@lib/service/mod.ts";

/** Everything that `agent.toml` may say. Relative paths are relative to that file's folder. */
export const schema = defineConfig({
  ...serverSection({ rest_addr: "127.0.0.1:9445", grpc_addr: "127.0.0.1:9444" }),
  ...logSection(),
  ...mciasSection(),
  node: {
    name: text("local", "this node's name; a definition with another `node` is refused"),
    address: text(
      "127.0.0.1",
      "where the programs' ports are: health checks, free-port checks, the ingress's backends",
    ),
    service_zone: text("svc.mcp.metacircular.net", "zone in which every service has its name"),
    srv_dir: path("/srv", "folder of the services' folders: their configs are read here, their own data is below"),
    bundles_dir: path("bundles", "unpacked programs, one folder per SHA-256"),
    logs_dir: path("logs", "what the programs print: `<service>.<component>.log`, 5 files of 10 MiB"),
    run_dir: path("run", "files of running programs: lifelines, the local socket, the lock of this agent"),
    cache_dir: path("cache", "the runtime's cache of compiled code; no program is granted it"),
    local_socket: address(
      "unix:run/agent.sock",
      "gRPC for the owner of the agent's folder, who counts as admin: the way in while MCIAS is down",
    ),
    // Long enough for a round trip that was routed to the old process just before the switch.
    drain_ms: integer(500, "between a route's switch and the old process's SIGTERM, ms", { max: 60_000 }),
  },
  deno: {
    path: path(required, "the deno binary that runs everything; the only program that the agent may start"),
  },
  auth: {
    token_file: path("token", "the agent's own token, for Metacrypt, MCNS and MCR"),
  },
  ports: {
    first: integer(10_000, "lowest host port that is picked for a route", { min: 1024, max: 65_535 }),
    last: integer(60_000, "highest host port that is picked for a route", { min: 1024, max: 65_535 }),
  },
  metacrypt: {
    address: address("127.0.0.1:9443", "Metacrypt's gRPC address"),
    server_name: text("metacrypt.svc.mcp.metacircular.net", "the name that its certificate must carry"),
    mount: text("pki", "the issuer of the services' certificates"),
    ttl_seconds: integer(0, "lifetime asked for; 0: Metacrypt's own default (90 days)", { max: 31_536_000 }),
  },
  mcns: {
    address: address("127.0.0.1:9443", "MCNS's gRPC address"),
    server_name: text("mcns.svc.mcp.metacircular.net", "the name that its certificate must carry"),
    record_address: text("127.0.0.1", "the address that services' names lead to: this node's ingress"),
    ttl_seconds: integer(60, "of the records; short, so that a move is seen soon", { min: 1, max: 86_400 }),
  },
  mcproxy: {
    admin_socket: address("unix:/srv/mcproxy/run/admin.sock", "MC-Proxy's gRPC, this node's"),
    health_socket: address("unix:/srv/mcproxy/run/rest.sock", "MC-Proxy's REST, asked for its health"),
    certs_dir: path("/srv/mcproxy/certs", "where the ingress finds `<service>.pem` and `<service>.key`"),
    listeners: tables({
      port: integer(required, "port as written in definitions", { min: 1, max: 65_535 }),
      name: text(required, "MC-Proxy's listener"),
    }, "which listener serves which port"),
  },
  mcr: {
    address: address("127.0.0.1:8443", "the registry's address on the network"),
    server_name: text("mcr.svc.mcp.metacircular.net", "the name that its certificate must carry"),
    registry_name: text("mcr.svc.mcp.metacircular.net:8443", "the registry as definitions write it"),
  },
  boot: {
    definitions_dir: path("platform", "definitions (*.toml) of the platform's own services on this node"),
  },
  renewal: {
    folders: paths([], "folders with cert.pem and key.pem of the platform's own programs, renewed in place"),
    interval_ms: integer(3_600_000, "between two looks at all certificates, ms", { min: 1_000, max: 86_400_000 }),
  },
});

export type Config = ConfigOf<typeof schema>;
