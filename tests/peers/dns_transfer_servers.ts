/**
 * Knot, BIND and NSD as the other side of zone transfers: one set of settings, said in each one's words.
 * @module
 */
import { join } from "node:path";
import { run as runToEnd } from "@lib/testing/mod.ts";
import { DnsServer } from "./dns_servers.ts";

export interface TransferKey {
  /** Without the final dot. */
  readonly name: string;
  /** Base64, for hmac-sha256. */
  readonly secret: string;
}

/** What the other server is to do. */
export interface TransferSetup {
  readonly port: number;
  /** Where MCNS is, on 127.0.0.1. */
  readonly mcns: number;
  /** Signs everything. */
  readonly key: TransferKey;
  /** Zones that it has from a file and gives to MCNS: text by name. */
  readonly primary?: Readonly<Record<string, string>>;
  /** Names of zones that it takes from MCNS. */
  readonly secondary?: readonly string[];
  /** A catalog zone of MCNS whose members it takes too. */
  readonly catalog?: string;
  /** How Knot signs the zones that it is the primary of; by default it doesn't. */
  readonly signing?: "nsec" | "nsec3";
}

export interface TransferPeer {
  readonly name: string;
  /** Programs that the test needs. */
  readonly tools: readonly string[];
  start(setup: TransferSetup): Promise<DnsServer>;
  /** Adds a record `name ttl type value` to a zone that it is the primary of. */
  add(server: DnsServer, setup: TransferSetup, zone: string, record: string): Promise<void>;
}

const fileOf = (folder: string, zone: string): string => join(folder, `${zone}.zone`);

function writeZones(folder: string, { primary = {} }: TransferSetup): void {
  for (const [zone, text] of Object.entries(primary)) Deno.writeTextFileSync(fileOf(folder, zone), text);
}

export const knot: TransferPeer = {
  name: "Knot",
  tools: ["knotd", "knotc"],
  start: (setup) =>
    DnsServer.start("knot", setup.port, (folder) => {
      writeZones(folder, setup);
      const { port, mcns, key: { name, secret }, primary = {}, secondary = [], catalog, signing } = setup;
      const zones = [
        ...Object.keys(primary).map((zone) =>
          `  - domain: ${zone}.
    file: "${fileOf(folder, zone)}"
    notify: mcns
    acl: transfer${signing === undefined ? "" : "\n    dnssec-signing: on\n    dnssec-policy: signed"}`
        ),
        ...secondary.map((zone) =>
          `  - domain: ${zone}.
    template: taken`
        ),
        ...(catalog === undefined ? [] : [`  - domain: ${catalog}.
    template: taken
    catalog-role: interpret
    catalog-template: taken`]),
      ];
      Deno.writeTextFileSync(
        join(folder, "knot.conf"),
        `server:
  listen: 127.0.0.1@${port}
  rundir: "${folder}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: "${folder}"
key:
  - id: ${name}.
    algorithm: hmac-sha256
    secret: ${secret}
remote:
  - id: mcns
    address: 127.0.0.1@${mcns}
    key: ${name}.
acl:
  - id: transfer
    address: 127.0.0.1
    key: ${name}.
    action: transfer
  - id: notify
    address: 127.0.0.1
    key: ${name}.
    action: notify
policy:
  - id: signed
    algorithm: ed25519
    single-type-signing: on
    nsec3: ${signing === "nsec3" ? "on" : "off"}
template:
  - id: default
    storage: "${folder}"
    zonefile-load: whole
    zonefile-sync: -1
  - id: taken
    storage: "${folder}"
    master: mcns
    acl: notify
    zonefile-load: none
    zonefile-sync: -1
    journal-content: all
zone:
${zones.join("\n")}
`,
      );
      return ["/usr/sbin/knotd", "-c", join(folder, "knot.conf")];
    }),
  async add({ folder }, _setup, zone, record) {
    const [owner = "", ttl = "", type = "", ...value] = record.split(" ");
    const knotc = (...args: string[]) => run("/usr/sbin/knotc", ["-s", join(folder, "knot.sock"), ...args]);
    await knotc("zone-begin", zone);
    await knotc("zone-set", zone, owner, ttl, type, ...value);
    await knotc("zone-commit", zone);
  },
};

export const bind: TransferPeer = {
  name: "BIND",
  tools: ["named", "nsupdate"],
  start: (setup) =>
    DnsServer.start("bind", setup.port, (folder) => {
      writeZones(folder, setup);
      const { port, mcns, key: { name, secret }, primary = {}, secondary = [], catalog } = setup;
      const mcnsWithKey = `{ 127.0.0.1 port ${mcns} key "${name}"; }`;
      const taken = (zone: string) =>
        `zone "${zone}" { type secondary; file "${folder}/${zone}.db"; primaries ${mcnsWithKey}; };`;
      const zones = [
        ...Object.keys(primary).map((zone) =>
          `zone "${zone}" { type primary; file "${fileOf(folder, zone)}"; allow-transfer { key "${name}"; };
  allow-update { key "${name}"; }; notify explicit; also-notify ${mcnsWithKey}; notify-delay 0; };`
        ),
        ...secondary.map(taken),
        ...(catalog === undefined ? [] : [taken(catalog)]),
      ];
      Deno.writeTextFileSync(
        join(folder, "named.conf"),
        `key "${name}" { algorithm hmac-sha256; secret "${secret}"; };
options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file "${folder}/named.pid";
  session-keyfile "${folder}/session.key";
  recursion no;
  dnssec-validation no;
  notify no;
  check-integrity no;
  ${
          catalog === undefined
            ? ""
            : `catalog-zones { zone "${catalog}" default-primaries ${mcnsWithKey} in-memory yes min-update-interval 0; };`
        }
};
controls { };
${zones.join("\n")}
`,
      );
      return ["/usr/sbin/named", "-f", "-n", "1", "-c", join(folder, "named.conf"), "-g"];
    }),
  async add({ port }, { key }, zone, record) {
    await nsupdate(port, key, [`zone ${zone}.`, `update add ${record}`]);
  },
};

export const nsd: TransferPeer = {
  name: "NSD",
  tools: ["nsd", "nsd-control"],
  start: (setup) =>
    DnsServer.start("nsd", setup.port, (folder) => {
      writeZones(folder, setup);
      const { port, mcns, key: { name, secret }, primary = {}, secondary = [] } = setup;
      const zones = [
        ...Object.keys(primary).map((zone) =>
          `zone:
  name: "${zone}"
  zonefile: "${fileOf(folder, zone)}"
  provide-xfr: 127.0.0.1 ${name}
  notify: 127.0.0.1@${mcns} ${name}
  store-ixfr: yes
  create-ixfr: yes`
        ),
        ...secondary.map((zone) =>
          `zone:
  name: "${zone}"
  zonefile: "${folder}/${zone}.taken"
  request-xfr: 127.0.0.1@${mcns} ${name}
  allow-notify: 127.0.0.1 ${name}`
        ),
      ];
      Deno.writeTextFileSync(
        join(folder, "nsd.conf"),
        `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: "${folder}/nsd.pid"
  xfrdfile: "${folder}/xfrd.state"
  xfrdir: "${folder}"
  zonelistfile: "${folder}/zone.list"
remote-control:
  control-enable: yes
  control-interface: "${folder}/nsd.sock"
key:
  name: "${name}"
  algorithm: hmac-sha256
  secret: "${secret}"
${zones.join("\n")}
`,
      );
      return ["/usr/sbin/nsd", "-d", "-c", join(folder, "nsd.conf")];
    }),
  async add({ folder }, _setup, zone, record) {
    const file = fileOf(folder, zone);
    const text = Deno.readTextFileSync(file);
    const raised = text.replace(/(SOA\s+\S+\s+\S+\s+)(\d+)/, (_, before, serial) => `${before}${Number(serial) + 1}`);
    Deno.writeTextFileSync(file, `${raised}${record}\n`);
    await run("/usr/sbin/nsd-control", ["-c", join(folder, "nsd.conf"), "reload", zone]);
  },
};

/** Sends an update; returns what nsupdate says of it. Throws when it says that it failed. */
export async function nsupdate(port: number, key: TransferKey | null, lines: readonly string[]): Promise<string> {
  const input = [`server 127.0.0.1 ${port}`, ...(key === null ? [] : [`key hmac-sha256:${key.name} ${key.secret}`])];
  return await run("nsupdate", [], { stdin: [...input, ...lines, "send", "answer", ""].join("\n") });
}

/** Output of a program. Throws, with it, when it fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout + stderr;
}

/** What dig says, short: one value a line. */
export async function dig(port: number, ...args: string[]): Promise<string> {
  return (await run("dig", ["@127.0.0.1", "-p", String(port), "+norec", "+short", ...args])).trim();
}

/** Below the ports that outgoing connections get, so that nobody takes it between here and its use. */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      using _tcp = Deno.listen({ hostname: "127.0.0.1", port });
      const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
      udp.close();
      return port;
    } catch {
      // Taken.
    }
  }
}
