/**
 * A server started for measurement, and what it used.
 * @module
 */
import { hostsIn, origin } from "./zone.ts";
import type { Launch } from "./servers.ts";

/** The kernel's clock tick for /proc, fixed in its interface to programs. */
const ticksPerSecond = 100;
/** Loading a million records takes the slowest of them most of a minute. */
const patienceMs = 120_000;

export class RunningServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<Uint8Array>;
  #ended = false;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    // Read as it comes, or a server that says much would stop.
    this.#output = new Response(child.stderr).bytes();
    child.status.then(() => this.#ended = true);
  }

  /** Starts it and waits for its first answer. @returns with the milliseconds from start to that answer */
  static async start(launch: Launch, port: number, records: number): Promise<{ server: RunningServer; ms: number }> {
    const begin = performance.now();
    const child = new Deno.Command(launch.command, {
      args: launch.args,
      env: { NO_COLOR: "1", ...launch.env },
      // MCNS ends when it closes.
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const server = new RunningServer(child);
    const ms = await server.#firstAnswer(port, records, begin);
    return { server, ms };
  }

  /** CPU time of all its processes, seconds. */
  get cpuSeconds(): number {
    return treeOf(this.#child.pid).reduce((sum, pid) => sum + ticksOf(pid), 0) / ticksPerSecond;
  }

  async #firstAnswer(port: number, records: number, begin: number): Promise<number> {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const query = queryFor(`h${hostsIn(records) - 1}.${origin}`);
    let answered = false;
    const heard = (async () => {
      for (;;) {
        const [reply] = await socket.receive();
        // A loading server may say SERVFAIL or REFUSED; an echo has no records to give.
        if ((reply[3]! & 15) === 0) break;
      }
      answered = true;
    })();
    try {
      while (!answered) {
        if (this.#ended || performance.now() - begin > patienceMs) {
          throw new Error(`${this.#ended ? "It ended" : "No answer"}: ${await this.#said()}`);
        }
        await socket.send(query, { transport: "udp", hostname: "127.0.0.1", port });
        await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 2))]);
      }
      return performance.now() - begin;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    } finally {
      socket.close();
      await heard.catch(() => {});
    }
  }

  async #said(): Promise<string> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    return new TextDecoder().decode(await this.#output).slice(-2000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGTERM");
    const kill = setTimeout(() => this.#ended || this.#child.kill("SIGKILL"), 10_000);
    await this.#child.status;
    clearTimeout(kill);
    await this.#output;
    await this.#child.stdin.close().catch(() => {});
  }
}

/** A query for its A records (RFC 1035 §4.1). */
function queryFor(name: string): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.of(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1);
}

/** The process and all that came from it. */
function treeOf(pid: number): number[] {
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...children.split(" ").filter((text) => text !== "").map(Number).flatMap(treeOf)];
}

/** User and system time of all its threads. */
function ticksOf(pid: number): number {
  // The name, in parentheses, may hold spaces.
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
