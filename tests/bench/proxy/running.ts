/**
 * A program started for measurement, and the CPU time it used.
 * @module
 */
import { treeOf, usedTicks } from "./process_time.ts";

/** The kernel's clock tick for /proc, fixed in its interface to programs. */
const ticksPerSecond = 100;
/** MC-Proxy checks ten thousand routes at its start. */
const patienceMs = 60_000;

export interface Launch {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

export class Running implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;
  #ended = false;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    // Read as it comes, or a program that says much would stop.
    this.#output = new Response(child.stderr).text();
    child.status.then(() => this.#ended = true);
  }

  /** Starts it and waits until it takes connections on all its ports. */
  static async start(launch: Launch, ports: readonly number[]): Promise<Running> {
    const child = new Deno.Command(launch.command, {
      args: launch.args,
      env: { NO_COLOR: "1", ...launch.env },
      // MC-Proxy ends when it closes.
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const running = new Running(child);
    const begin = performance.now();
    for (const port of ports) {
      while (!await takesConnections(port)) {
        if (running.#ended || performance.now() - begin > patienceMs) {
          const reason = running.#ended ? "ended" : `doesn't listen on port ${port}`;
          await running[Symbol.asyncDispose]();
          throw new Error(`${launch.command} ${reason}: ${(await running.#output).slice(-2000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    return running;
  }

  /** Of all its processes and their threads, in user and kernel. */
  get cpuSeconds(): number {
    return treeOf(this.#child.pid).reduce((sum, pid) => sum + usedTicks(pid), 0) / ticksPerSecond;
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

async function takesConnections(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
