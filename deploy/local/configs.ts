/** The config files of a local platform's programs: what differs from their defaults. */
import { stringify } from "@std/toml";
import { writeWhole } from "./files.ts";
import { type ApiPorts, type Layout, loopback, nodeName, nodeZone, registryName, serviceZone } from "./layout.ts";

type Tables = Record<string, unknown>;

/** Writes `<service>.toml` of every program. */
export function writeConfigs(layout: Layout, denoPath: string): void {
  for (const [service, tables] of Object.entries(configsOf(layout, denoPath))) {
    writeWhole(layout.srv(service, `${service}.toml`), stringify(tables));
  }
}

/** By program, the tables of its TOML. */
export function configsOf(layout: Layout, denoPath: string): Record<string, Tables> {
  const { ports, pki } = layout;
  const server = ({ rest, grpc }: ApiPorts): Tables => ({
    rest_addr: `${loopback}:${rest}`,
    grpc_addr: `${loopback}:${grpc}`,
    tls_cert: "tls/cert.pem",
    tls_key: "tls/key.pem",
    ca_cert: pki.root,
    data_dir: "data",
  });
  const mcias: Tables = {
    address: `${loopback}:${ports.mcias.grpc}`,
    server_name: `mcias.${serviceZone}`,
    ca_cert: pki.root,
  };
  const peer = (service: string, port: number): Tables => ({
    address: `${loopback}:${port}`,
    server_name: `${service}.${serviceZone}`,
  });
  return {
    mcias: {
      server: server(ports.mcias),
      keys: { master_key_file: "data/master.key" },
      tokens: { issuer: `https://mcias.${serviceZone}` },
    },
    metacrypt: {
      server: server(ports.metacrypt),
      mcias,
      seal: { auto_unseal_key_file: "data/unseal.key" },
      policy: { service_zone: serviceZone, companion_names: ["localhost", loopback] },
    },
    mcns: {
      server: server(ports.mcns),
      mcias,
      dns: {
        listen_addrs: [`${loopback}:${ports.dns}`],
        tls_listen_addrs: [`${loopback}:${ports.dot}`],
        allow_clients: ["127.0.0.0/8"],
      },
      rights: { service_zone: serviceZone },
      zones: [
        {
          name: serviceZone,
          primary_ns: `mcns.${serviceZone}`,
          admin_email: `hostmaster@${nodeZone}`,
          records: ["mcias", "metacrypt", "mcns", "mcr", "mcproxy", "mcp-agent"].map((name) =>
            `${name} 300 A ${loopback}`
          ),
        },
        {
          name: nodeZone,
          primary_ns: `mcns.${serviceZone}`,
          admin_email: `hostmaster@${nodeZone}`,
          records: [`${nodeName} 300 A ${loopback}`],
        },
      ],
    },
    mcproxy: {
      server: { rest_addr: "unix:run/rest.sock", grpc_addr: "unix:run/admin.sock", data_dir: "data" },
      listeners: [{ name: "https", addr: `${loopback}:${ports.proxy}` }],
      certificates: { dir: "certs" },
      metrics: { addr: `${loopback}:${ports.proxyMetrics}` },
      access_log: { dir: "log" },
      admin: {
        rest_addr: `${loopback}:${ports.proxyAdmin.rest}`,
        grpc_addr: `${loopback}:${ports.proxyAdmin.grpc}`,
        tls_cert: "tls/cert.pem",
        tls_key: "tls/key.pem",
        mcias_addr: mcias.address,
        mcias_server_name: mcias.server_name,
        mcias_ca_cert: mcias.ca_cert,
      },
    },
    mcr: { server: server(ports.mcr), mcias, tokens: { service: `mcr.${serviceZone}` } },
    mcpagent: {
      server: server(ports.agent),
      mcias,
      node: { name: nodeName, address: loopback, service_zone: serviceZone, srv_dir: layout.srv("") },
      deno: { path: denoPath },
      auth: { token_file: "token" },
      metacrypt: { ...peer("metacrypt", ports.metacrypt.grpc), mount: "pki" },
      mcns: { ...peer("mcns", ports.mcns.grpc), record_address: loopback },
      mcproxy: {
        admin_socket: `unix:${layout.srv("mcproxy", "run", "admin.sock")}`,
        health_socket: `unix:${layout.srv("mcproxy", "run", "rest.sock")}`,
        certs_dir: layout.srv("mcproxy", "certs"),
        listeners: [{ port: 443, name: "https" }],
      },
      mcr: { ...peer("mcr", ports.mcr.rest), registry_name: registryName },
      renewal: {
        folders: ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "mcpagent"].map((service) =>
          layout.srv(service, "tls")
        ),
      },
    },
  };
}
