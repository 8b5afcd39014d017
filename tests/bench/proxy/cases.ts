/**
 * What is measured: a load, the unit its cost is counted by, and the goals.
 * @module
 */
import { bulk, handshakes, requests } from "./load.ts";

export interface Ports {
  l7: number;
  l4: number;
}

/** At most so many times the CPU time of another. */
export interface Goal {
  of: string;
  times: number;
}

export interface Case {
  /** As on the command line. */
  name: string;
  title: string;
  /** What the numbers are in, and how many of it are a unit of CPU seconds. */
  unit: { text: string; perSecond: number; digits: number };
  on: "l7" | "l4";
  /** Only proxies that agree to HTTP/2. */
  h2?: true;
  /** MC-Proxy with ten routes and with ten thousand, and nobody else. */
  routes?: true;
  goals: readonly Goal[];
  /** @returns how many units of work were done */
  load(ports: Ports): Promise<number>;
  /** Not counted: connections to the backend are made, and code is compiled. */
  warmUp(ports: Ports): Promise<unknown>;
}

/** Of a turn. */
const seconds = 2;
const warmUpSeconds = 0.5;
/** Full handshakes and connections of a turn. */
const handshakeCount = 1200;
const l4Count = 2000;
const warmUpCount = 150;
const gigabyte = 1e9;
const bulkBytes = 2 * gigabyte;

const microseconds = (of: string) => ({ text: `µs per ${of}`, perSecond: 1e6, digits: 0 });
const perGigabyte = { text: "CPU s per GB", perSecond: 1, digits: 2 };

/** As Markdown names the subjects. */
export const self = "MC-Proxy";
export const manyRoutes = "MC-Proxy, 10,000 routes";

const h1 = ({ l7: port }: Ports, seconds: number) =>
  requests({ protocol: "h1", port, hostname: "h1.bench.test", seconds });
const h2 = ({ l7: port }: Ports, seconds: number) =>
  requests({ protocol: "h2", port, hostname: "h1.bench.test", seconds });
const move = async (port: number, direction: "down" | "up", bytes: number) =>
  await bulk({ port, direction, bytes, hostname: direction === "down" ? "source.bench.test" : "sink.bench.test" }) /
  gigabyte;

export const cases: readonly Case[] = [
  {
    name: "h1",
    title: "L7, HTTP/1.1 → HTTP/1.1",
    unit: microseconds("request"),
    on: "l7",
    goals: [{ of: "nginx", times: 1.7 }, { of: "Caddy", times: 0.5 }],
    load: (ports) => h1(ports, seconds),
    warmUp: (ports) => h1(ports, warmUpSeconds),
  },
  {
    name: "h2",
    title: "L7, HTTP/2 → HTTP/1.1",
    unit: microseconds("request"),
    on: "l7",
    h2: true,
    goals: [{ of: "nginx", times: 1 }, { of: "Caddy", times: 0.5 }],
    load: (ports) => h2(ports, seconds),
    warmUp: (ports) => h2(ports, warmUpSeconds),
  },
  {
    name: "tls",
    title: "L7, new TLS connection with a request",
    unit: microseconds("connection"),
    on: "l7",
    goals: [],
    load: ({ l7: port }) => handshakes({ port, count: handshakeCount }),
    warmUp: ({ l7: port }) => handshakes({ port, count: warmUpCount }),
  },
  {
    name: "l4",
    title: "L4, new TLS connection with a request",
    unit: microseconds("connection"),
    on: "l4",
    goals: [{ of: "nginx", times: 1.3 }],
    load: ({ l4: port }) => handshakes({ port, count: l4Count }),
    warmUp: ({ l4: port }) => handshakes({ port, count: warmUpCount }),
  },
  {
    name: "down",
    title: "L4, to the client",
    unit: perGigabyte,
    on: "l4",
    goals: [{ of: "nginx", times: 1 }],
    load: ({ l4 }) => move(l4, "down", bulkBytes),
    warmUp: ({ l4 }) => move(l4, "down", bulkBytes / 10),
  },
  {
    name: "up",
    title: "L4, to the backend",
    unit: perGigabyte,
    on: "l4",
    goals: [{ of: "nginx", times: 1 }],
    load: ({ l4 }) => move(l4, "up", bulkBytes),
    warmUp: ({ l4 }) => move(l4, "up", bulkBytes / 10),
  },
  {
    name: "routes-h1",
    title: "L7, HTTP/1.1 → HTTP/1.1",
    unit: microseconds("request"),
    on: "l7",
    routes: true,
    goals: [{ of: self, times: 1.05 }],
    load: (ports) => h1(ports, seconds),
    warmUp: (ports) => h1(ports, warmUpSeconds),
  },
  {
    name: "routes-l4",
    title: "L4, new TLS connection with a request",
    unit: microseconds("connection"),
    on: "l4",
    routes: true,
    goals: [{ of: self, times: 1.05 }],
    load: ({ l4: port }) => handshakes({ port, count: l4Count }),
    warmUp: ({ l4: port }) => handshakes({ port, count: warmUpCount }),
  },
];
