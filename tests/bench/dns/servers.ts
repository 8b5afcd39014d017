/**
 * The servers under measurement, each with one thread or process that answers, on one zone.
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "@lib/testing/mod.ts";
import { mcnsCommand } from "./mcns.ts";
import { addressOf, hostsIn, origin, zoneText } from "./zone.ts";

export interface Setup {
  /** Its own, and empty. */
  folder: string;
  records: number;
  /** UDP and TCP. */
  port: number;
  tlsPort: number;
  /** PEM files. */
  cert: string;
  key: string;
}

export interface Launch {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

export interface ServerKind {
  name: string;
  /** Its version, or null when it isn't installed. */
  version(): Promise<string | null>;
  /** Beside UDP. */
  speaks: readonly ("tcp" | "dot")[];
  /** Writes config and zone. The program must stay in the foreground. */
  prepare(setup: Setup): Promise<Launch>;
}

async function versionOf(command: string, args: string[], pattern: RegExp): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(command, args);
    return pattern.exec(stdout + stderr)?.[1] ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function write(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(join(folder, name), text);
}

const echo: ServerKind = {
  name: "UDP echo",
  version: () => Promise.resolve(`Deno ${Deno.version.deno}`),
  speaks: [],
  prepare({ port }) {
    const program = fileURLToPath(new URL("./echo.ts", import.meta.url));
    const flags = ["--quiet", "--no-check", "--unstable-net", "--allow-net=127.0.0.1"];
    return Promise.resolve({ command: Deno.execPath(), args: ["run", ...flags, program, String(port)] });
  },
};

const mcns: ServerKind = {
  name: "MCNS",
  version: () => Promise.resolve(`Deno ${Deno.version.deno}`),
  speaks: ["tcp", "dot"],
  prepare: mcnsCommand,
};

const nsd: ServerKind = {
  name: "NSD",
  version: () => versionOf("nsd", ["-v"], /version (\S+)/),
  speaks: ["tcp", "dot"],
  prepare({ folder, records, port, tlsPort, cert, key }) {
    write(folder, {
      zone: zoneText(records),
      "nsd.conf": `server:
  ip-address: 127.0.0.1@${port}
  ip-address: 127.0.0.1@${tlsPort}
  tls-port: ${tlsPort}
  tls-service-key: "${key}"
  tls-service-pem: "${cert}"
  server-count: 1
  username: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: "${folder}/nsd.pid"
  xfrdfile: "${folder}/xfrd.state"
  zonelistfile: "${folder}/zone.list"
  xfrdir: "${folder}"
  tcp-count: 100
  tcp-query-count: 0
remote-control:
  control-enable: no
zone:
  name: ${origin}
  zonefile: zone
`,
    });
    return Promise.resolve({ command: "nsd", args: ["-d", "-c", join(folder, "nsd.conf")] });
  },
};

const knot: ServerKind = {
  name: "Knot",
  version: () => versionOf("knotd", ["--version"], /version (\S+)/),
  // DNS over TLS came with 3.4.
  speaks: ["tcp"],
  prepare({ folder, records, port }) {
    write(folder, {
      zone: zoneText(records),
      "knot.conf": `server:
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: ${folder}
  pidfile: ${folder}/knot.pid
database:
  storage: ${folder}
control:
  listen: ${folder}/knot.sock
log:
  - target: stderr
    any: error
template:
  - id: default
    storage: ${folder}
zone:
  - domain: ${origin}
    file: zone
`,
    });
    return Promise.resolve({ command: "knotd", args: ["-c", join(folder, "knot.conf")] });
  },
};

const bind: ServerKind = {
  name: "BIND",
  version: () => versionOf("named", ["-v"], /BIND (\d[\d.]*)/),
  speaks: ["tcp", "dot"],
  prepare({ folder, records, port, tlsPort, cert, key }) {
    write(folder, {
      zone: zoneText(records),
      "named.conf": `tls bench { key-file "${key}"; cert-file "${cert}"; protocols { TLSv1.3; }; };
options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on port ${tlsPort} tls bench { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no; notify no; minimal-responses yes; tcp-clients 200;
  pid-file "${folder}/named.pid"; session-keyfile "${folder}/session.key"; lock-file none;
  managed-keys-directory "${folder}"; dnssec-validation no; empty-zones-enable no;
};
controls {};
zone ${origin} { type primary; file "${folder}/zone"; };
`,
    });
    return Promise.resolve({ command: "named", args: ["-g", "-n", "1", "-c", join(folder, "named.conf")] });
  },
};

const powerDns: ServerKind = {
  name: "PowerDNS",
  version: () => versionOf("pdns_server", ["--version"], /Server (\d[\d.]*)/),
  speaks: ["tcp"],
  prepare({ folder, records, port }) {
    const database = join(folder, "pdns.sqlite3");
    const db = new DatabaseSync(database);
    db.exec(Deno.readTextFileSync("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"));
    db.exec(`BEGIN; INSERT INTO domains (id, name, type) VALUES (1, '${origin}', 'NATIVE')`);
    const insert = db.prepare("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (1, ?, ?, ?, 300)");
    insert.run(origin, "SOA", `ns1.${origin} hostmaster.${origin} 2026010100 3600 600 604800 300`);
    insert.run(origin, "NS", `ns1.${origin}`);
    insert.run(`ns1.${origin}`, "A", "127.0.0.1");
    for (let i = 0; i < hostsIn(records); i++) insert.run(`h${i}.${origin}`, "A", addressOf(i));
    db.exec("COMMIT");
    db.close();
    write(folder, {
      "pdns.conf": `launch=gsqlite3
gsqlite3-database=${database}
local-address=127.0.0.1
local-port=${port}
socket-dir=${folder}
daemon=no
guardian=no
receiver-threads=1
distributor-threads=1
max-tcp-connections=100
max-tcp-transactions-per-conn=0
`,
    });
    return Promise.resolve({ command: "pdns_server", args: [`--config-dir=${folder}`] });
  },
};

export const serverKinds: readonly ServerKind[] = [echo, mcns, nsd, knot, bind, powerDns];
