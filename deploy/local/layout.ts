/** Where everything of a local platform lies and listens. */
import { join } from "node:path";
import { invalid, quote } from "@lib/errors/mod.ts";

/** The layout of the data folder; another number needs another program. */
export const dataVersion = "1";
export const defaultPortsBase = 18_000;
export const serviceZone = "svc.mcp.metacircular.net";
export const nodeZone = "mcp.metacircular.net";
export const nodeName = "local";
/** The registry's name in definitions, whatever port it has here. */
export const registryName = `mcr.${serviceZone}:8443`;
export const loopback = "127.0.0.1";

export interface Layout {
  data: string;
  ports: Ports;
  pki: { root: string; rootKey: string; rootPassphrase: string };
  adminPassword: string;
  platformFile: string;
  /** `<data>/srv/<service>`. */
  srv(service: string, ...more: string[]): string;
}

export interface Ports {
  base: number;
  dns: number;
  dot: number;
  proxy: number;
  proxyMetrics: number;
  proxyAdmin: ApiPorts;
  mcias: ApiPorts;
  metacrypt: ApiPorts;
  mcns: ApiPorts;
  mcr: ApiPorts;
  agent: ApiPorts;
}

export interface ApiPorts {
  rest: number;
  grpc: number;
}

/** The ports above a base: 53 is DNS, 853 DNS over TLS, 443 the ingress, 101 and on the services. */
export function portsAbove(base: number): Ports {
  if (!Number.isInteger(base) || base < 1024 || base > 64_000) {
    throw invalid("--ports-base", `must be a whole number from 1024 to 64000, got ${quote(base)}`);
  }
  const api = (first: number): ApiPorts => ({ rest: base + first, grpc: base + first + 1 });
  return {
    base,
    dns: base + 53,
    dot: base + 853,
    proxy: base + 443,
    proxyMetrics: base + 191,
    proxyAdmin: api(192),
    mcias: api(101),
    metacrypt: api(111),
    mcns: api(121),
    mcr: api(131),
    agent: { rest: base + 945, grpc: base + 944 },
  };
}

/** Every port with the part that uses it. */
export function portUses(ports: Ports): { port: number; use: string; udp: boolean }[] {
  const { mcias, metacrypt, mcns, mcr, agent, proxyAdmin: mcproxy } = ports;
  const apis = Object.entries({ mcias, metacrypt, mcns, mcr, agent, mcproxy }).flatMap(([part, { rest, grpc }]) => [
    { port: rest, use: `${part} REST`, udp: false },
    { port: grpc, use: `${part} gRPC`, udp: false },
  ]);
  return [
    { port: ports.dns, use: "mcns DNS", udp: true },
    { port: ports.dot, use: "mcns DNS over TLS", udp: false },
    { port: ports.proxy, use: "mcproxy HTTPS", udp: false },
    { port: ports.proxyMetrics, use: "mcproxy metrics", udp: false },
    ...apis,
  ];
}

// A unix socket's path has at most 107 bytes (unix(7)); the longest below the folder takes 32 of them.
const maxDataBytes = 75;

/** Throws Invalid for a folder whose path is too long for the sockets in it. */
export function layoutOf(data: string, portsBase: number): Layout {
  const bytes = new TextEncoder().encode(data).length;
  if (bytes > maxDataBytes) {
    throw invalid(
      "--data",
      `must have a path of at most ${maxDataBytes} bytes, as unix sockets lie in it, got ${bytes}: ${quote(data)}`,
      {
        hint: "Name a folder nearer to the root.",
      },
    );
  }
  return {
    data,
    ports: portsAbove(portsBase),
    pki: {
      root: join(data, "pki", "root.pem"),
      rootKey: join(data, "pki", "root-key.json"),
      rootPassphrase: join(data, "pki", "root-passphrase"),
    },
    adminPassword: join(data, "admin-password"),
    platformFile: join(data, "platform.json"),
    srv: (service, ...more) => join(data, "srv", service, ...more),
  };
}
