/**
 * Authoritative servers to hold MCNS against, each a process of the test's own on a loopback port.
 * @module
 */
import { join } from "node:path";

export interface ServedZone {
  /** Without the final dot. */
  readonly origin: string;
  /** Zone file. */
  readonly text: string;
}

/** A server that answers on `127.0.0.1:port` over UDP and TCP. */
export class DnsServer implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #status: Promise<Deno.CommandStatus>;
  readonly #output: Promise<string>;

  private constructor(name: string, port: number, folder: string, command: readonly [string, ...string[]]) {
    this.name = name;
    this.port = port;
    this.folder = folder;
    const [program, ...args] = command;
    this.#child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    this.#status = this.#child.status;
    this.#output = new Response(this.#child.stderr).text();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Writes files into a folder of its own, starts `command` there, and waits until TCP connections are taken. */
  static async start(
    name: string,
    port: number,
    setUp: (folder: string) => readonly [string, ...string[]],
  ): Promise<DnsServer> {
    const folder = Deno.makeTempDirSync({ prefix: `${name}-` });
    const server = new DnsServer(name, port, folder, setUp(folder));
    for (let tries = 0; tries < 300; tries++) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return server;
      } catch {
        const ended = await Promise.race([server.#status, new Promise<null>((r) => setTimeout(() => r(null), 100))]);
        if (ended !== null) break;
      }
    }
    await server[Symbol.asyncDispose]();
    throw new Error(`${name} does not answer on port ${port}: ${await server.#output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // Ended already.
    }
    const kill = setTimeout(() => {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // Ended just now.
      }
    }, 5000);
    await this.#status;
    clearTimeout(kill);
    await this.#output;
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function writeZones(folder: string, zones: readonly ServedZone[]): void {
  for (const { origin, text } of zones) Deno.writeTextFileSync(join(folder, `${origin}.zone`), text);
}

/** Knot with these zones; `more` goes into each zone's section. */
export function startKnot(
  port: number,
  zones: readonly ServedZone[],
  more: readonly string[] = [],
): Promise<DnsServer> {
  return DnsServer.start("knot", port, (folder) => {
    writeZones(folder, zones);
    const section = zones.map(({ origin }) =>
      [`  - domain: ${origin}.`, `    file: "${folder}/${origin}.zone"`, ...more.map((line) => `    ${line}`)].join(
        "\n",
      )
    );
    Deno.writeTextFileSync(
      join(folder, "knot.conf"),
      `server:
  listen: 127.0.0.1@${port}
  rundir: "${folder}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  udp-max-payload: 1232
log:
  - target: stderr
    any: warning
database:
  storage: "${folder}"
template:
  - id: default
    storage: "${folder}"
    semantic-checks: off
    zonefile-load: whole
zone:
${section.join("\n")}
`,
    );
    return ["/usr/sbin/knotd", "-c", join(folder, "knot.conf")];
  });
}

/** BIND with these zones, answering no more than it is asked. */
export function startBind(port: number, zones: readonly ServedZone[], more = ""): Promise<DnsServer> {
  return DnsServer.start("bind", port, (folder) => {
    writeZones(folder, zones);
    const section = zones.map(({ origin }) =>
      `zone "${origin}" { type primary; file "${folder}/${origin}.zone"; check-names ignore; };`
    );
    Deno.writeTextFileSync(
      join(folder, "named.conf"),
      `options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file "${folder}/named.pid";
  session-keyfile "${folder}/session.key";
  recursion no;
  minimal-responses no-auth;
  minimal-any yes;
  zero-no-soa-ttl no;
  max-udp-size 1232;
  edns-udp-size 1232;
  dnssec-validation no;
  notify no;
  check-integrity no;
  check-wildcard no;
  rate-limit { responses-per-second 0; };
  allow-transfer { any; };
};
controls { };
${section.join("\n")}
${more}
`,
    );
    return ["/usr/sbin/named", "-f", "-n", "1", "-c", join(folder, "named.conf"), "-g"];
  });
}
