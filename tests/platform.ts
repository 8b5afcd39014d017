/**
 * A whole platform for a test: brought up by the tasks that people use, in a temporary folder on free ports, and taken
 * down again. Real processes in their sandboxes.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Ran, run as runIn } from "@lib/testing/mod.ts";
import { portsAbove, portUses } from "../deploy/local/layout.ts";

export const root = fileURLToPath(new URL("../", import.meta.url));
export const serviceZone = "svc.mcp.metacircular.net";

/** What platform.json says. */
export interface PlatformFile {
  ca: string;
  dns: string;
  proxy: string;
  mcias: string;
  metacrypt: string;
  mcns: string;
  mcns_grpc: string;
  mcproxy: string;
  /** MC-Proxy's pages. */
  mcproxy_admin: string;
  mcr: string;
  agent: string;
  admin: string;
  admin_password_file: string;
  ports_base: number;
}

export type { Ran };

/** Runs a program to its end, in the source tree. */
export function run(
  command: string,
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Ran> {
  return runIn(command, args, { cwd: root, ...options });
}

/** `deno task NAME …`, as people type it. */
export function task(name: string, ...args: string[]): Promise<Ran> {
  return run(Deno.execPath(), ["task", "--quiet", name, ...args]);
}

/** A base above which all of a platform's ports are free at the moment. */
export function freePortsBase(): number {
  for (let attempt = 0; attempt < 50; attempt++) {
    // Below 32768, where Linux takes the ports of outgoing connections from.
    const base = 19_000 + Math.floor(Math.random() * 13) * 1000;
    try {
      for (const { port, udp } of portUses(portsAbove(base))) {
        Deno.listen({ hostname: "127.0.0.1", port }).close();
        if (udp) Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }).close();
      }
      return base;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("no free ports for a platform after 50 tries");
}

export class TestPlatform implements AsyncDisposable {
  readonly data: string;
  readonly base: number;

  private constructor(data: string, base: number) {
    this.data = data;
    this.base = base;
  }

  /** A platform that is up. */
  static async start(): Promise<TestPlatform> {
    const platform = TestPlatform.unstarted();
    const { code, stderr } = await platform.local("up");
    if (code !== 0) {
      await platform[Symbol.asyncDispose]();
      throw new Error(`up failed:\n${stderr}`);
    }
    return platform;
  }

  /** A folder and ports for one. */
  static unstarted(): TestPlatform {
    return new TestPlatform(join(Deno.makeTempDirSync({ prefix: "metacircular-" }), "data"), freePortsBase());
  }

  /** `up`, `down`, `status`, `deploy NAME` on this platform. */
  local(verb: string, ...args: string[]): Promise<Ran> {
    return task(verb, ...args, "--data", this.data, "--ports-base", String(this.base));
  }

  /** `mcp …` on this platform. */
  mcp(...args: string[]): Promise<Ran> {
    return task("mcp", ...args, "--data", this.data);
  }

  /** `mcnsctl …` on this platform. */
  mcnsctl(...args: string[]): Promise<Ran> {
    return task("mcnsctl", ...args, "--data", this.data);
  }

  /** `mcproxyctl …` on this platform. */
  mcproxyctl(...args: string[]): Promise<Ran> {
    return task("mcproxyctl", ...args, "--data", this.data);
  }

  get file(): PlatformFile {
    return JSON.parse(Deno.readTextFileSync(join(this.data, "platform.json"))) as PlatformFile;
  }

  get adminPassword(): string {
    return Deno.readTextFileSync(this.file.admin_password_file).trim();
  }

  /** `<data>/srv/…`. */
  srv(...parts: string[]): string {
    return join(this.data, "srv", ...parts);
  }

  /** A page through the ingress by curl, by the service's name. @returns curl's exit code, the body and errors */
  curl(host: string, path = "/", ...more: string[]): Promise<Ran> {
    const port = this.file.proxy.split(":")[1]!;
    return run("curl", [
      "--silent",
      "--show-error",
      "--max-time",
      "10",
      "--cacert",
      this.file.ca,
      "--resolve",
      `${host}:${port}:127.0.0.1`,
      ...more,
      `https://${host}:${port}${path}`,
    ]);
  }

  /** Processes of this platform, the agent among them, by their command lines. */
  async processes(): Promise<{ pid: number; command: string }[]> {
    const { stdout } = await run("ps", ["-eo", "pid=,args=", "-ww"]);
    return stdout.split("\n").filter((line) => line.includes(`${this.data}/srv/`)).map((line) => {
      const [, pid, command] = /^\s*(\d+)\s+(.*)$/.exec(line)!;
      return { pid: Number(pid), command: command! };
    });
  }

  /** kill −9 of everything that runs for this platform. */
  async killAll(): Promise<void> {
    for (const { pid } of await this.processes()) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { code } = await this.local("down");
    if (code !== 0) await this.killAll();
    Deno.removeSync(join(this.data, ".."), { recursive: true });
  }
}
