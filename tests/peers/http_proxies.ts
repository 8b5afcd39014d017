/**
 * nginx and HAProxy beside, before and behind MC-Proxy: each a process of the test's own, on loopback ports that its
 * configuration names.
 * @module
 */
import { join } from "node:path";

/** A proxy that takes connections on every address that it was told to. */
export interface HttpProxy extends AsyncDisposable {
  readonly pid: number;
  /** What it has said so far, on both outputs. */
  logs(): string;
  /** Ends it, by SIGTERM, and removes its folder. */
  stop(): Promise<void>;
}

/** Text, or made from the folder that the proxy gets: certificates are written there by `files`. */
export type ProxyConfig = string | ((folder: string) => string);

/** A port that nobody listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

/**
 * Starts nginx with one worker.
 * @param config blocks `http { … }` and `stream { … }`; the log of requests goes to `logs()`
 * @param files by name, written into the folder before
 */
export function startNginx(config: ProxyConfig, files: Record<string, string> = {}): Promise<HttpProxy> {
  return start("nginx", files, (folder) => {
    // Debian's nginx has these in /var, where only root may write.
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((use) =>
      `${use}_temp_path ${folder}/${use};`
    );
    const blocks = textOf(config, folder).replace(
      /^\s*http\s*\{/m,
      `http {\n${temporary.join("\n")}\naccess_log /dev/stdout;\n`,
    );
    const lines = [
      "daemon off;",
      "worker_processes 1;",
      `pid ${folder}/pid;`,
      "error_log stderr info;",
      // Else the worker of root's nginx is another user, and kept out of the folder.
      ...(Deno.uid() === 0 ? ["user root;"] : []),
      ...(exists(streamModule) && /^\s*stream\s*\{/m.test(blocks) ? [`load_module ${streamModule};`] : []),
      "events { worker_connections 1024; }",
    ];
    const path = join(folder, "nginx.conf");
    Deno.writeTextFileSync(path, `${lines.join("\n")}\n${blocks}\n`);
    const ports = portsIn(blocks, /\blisten\s+127\.0\.0\.\d+:(\d+)/g);
    return { command: ["/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", path], ports };
  });
}

/**
 * Starts HAProxy with one thread.
 * @param config sections `defaults`, `frontend`, `backend`, `listen`; `log global` sends a section's log to `logs()`
 * @param files by name, written into the folder before
 */
export function startHaproxy(config: ProxyConfig, files: Record<string, string> = {}): Promise<HttpProxy> {
  return start("haproxy", files, (folder) => {
    const sections = textOf(config, folder);
    const path = join(folder, "haproxy.cfg");
    Deno.writeTextFileSync(
      path,
      `global\n  log stdout format raw local0 info\n  nbthread 1\n  maxconn 1000\n${sections}\n`,
    );
    const ports = portsIn(sections, /\bbind\s+127\.0\.0\.\d+:(\d+)/g);
    // -db: in the foreground, no other process.
    return { command: ["/usr/sbin/haproxy", "-db", "-f", path], ports };
  });
}

function textOf(config: ProxyConfig, folder: string): string {
  return typeof config === "string" ? config : config(folder);
}

function portsIn(text: string, form: RegExp): number[] {
  const ports = [...text.matchAll(form)].map((match) => Number(match[1]));
  if (ports.length === 0) throw new Error(`the configuration names no loopback port to listen on:\n${text}`);
  return ports;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function start(
  name: string,
  files: Record<string, string>,
  setUp: (folder: string) => { command: readonly [string, ...string[]]; ports: readonly number[] },
): Promise<HttpProxy> {
  const folder = Deno.makeTempDirSync({ prefix: `${name}-` });
  let proxy: Child | undefined;
  try {
    for (const [file, text] of Object.entries(files)) Deno.writeTextFileSync(join(folder, file), text);
    const { command, ports } = setUp(folder);
    proxy = new Child(command, folder);
    for (const port of ports) {
      if (!await proxy.takesConnections(port)) {
        throw new Error(`${name} doesn't listen on port ${port}: ${proxy.logs()}`);
      }
    }
    return proxy;
  } catch (error) {
    if (proxy === undefined) Deno.removeSync(folder, { recursive: true });
    else await proxy.stop();
    throw error;
  }
}

/** How long a start may take, ms: under a second on an idle machine. */
const patienceMs = 20_000;

class Child implements HttpProxy {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #outputs: Promise<void>[];
  #said = "";
  #ended = false;
  #stopping: Promise<void> | null = null;

  constructor([program, ...args]: readonly [string, ...string[]], folder: string) {
    this.#folder = folder;
    this.#child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    this.#child.status.then(() => this.#ended = true);
    this.#outputs = [this.#keep(this.#child.stdout), this.#keep(this.#child.stderr)];
  }

  async #keep(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of output.pipeThrough(new TextDecoderStream())) this.#said += text;
  }

  get pid(): number {
    return this.#child.pid;
  }

  logs(): string {
    return this.#said;
  }

  /** Waits for it; false when the process has ended instead, or the time is up. */
  async takesConnections(port: number): Promise<boolean> {
    for (const end = performance.now() + patienceMs; performance.now() < end && !this.#ended;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    return false;
  }

  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    this.#signal("SIGTERM");
    const kill = setTimeout(() => this.#signal("SIGKILL"), 5000);
    await this.#child.status;
    clearTimeout(kill);
    await Promise.all(this.#outputs);
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // Ended already.
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
