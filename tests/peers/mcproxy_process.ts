/**
 * MC-Proxy as a real process in its sandbox, from its bundle, with routes by its admin socket.
 * @module
 */
import { join } from "node:path";
import { loadConfig } from "@lib/config/mod.ts";
import { type GrpcClient, grpcClient } from "@lib/grpc/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { type ThrowawayCa, throwawayCa } from "@lib/testing/mod.ts";
import { CertificateService, FirewallService, RouteService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { type BuiltBundle, bundle } from "../../deploy/bundle/bundle.ts";
import { schema } from "../../services/mcproxy/config.ts";
import type { RouteInput } from "../../services/mcproxy/domain/route.ts";
import { sandbox } from "../../services/mcproxy/sandbox.ts";
import { root } from "../platform.ts";
import { StartedProgram } from "../sandbox/started_program.ts";
import { freePort } from "./http_proxies.ts";

export interface McproxyOptions {
  /** Further lines of mcproxy.toml by section, e.g. `{ limits: ["hello_timeout_ms = 300"] }`. */
  config?: Readonly<Record<string, readonly string[]>>;
  /** Whole tables that follow, e.g. `[[listeners]] …`. */
  tables?: string;
  /** Names of the certificate `web`; its files are `web.pem` and `web.key`. */
  names?: string[];
}

/** Made once for all processes of a test. */
let built: Promise<BuiltBundle> | undefined;

export class McproxyProcess implements AsyncDisposable {
  readonly folder: string;
  /** Of the listener "https", on 127.0.0.1. */
  readonly port: number;
  readonly metricsPort: number;
  /** The root of its certificates: a file, for clients. */
  readonly ca: string;
  readonly authority: ThrowawayCa;
  #program: StartedProgram;
  /** "" for the first process of the folder, "-2" for the second; its sockets and its configuration have it, too. */
  readonly #suffix: string;

  private constructor(
    folder: string,
    ports: { https: number; metrics: number },
    authority: ThrowawayCa,
    program: StartedProgram,
    suffix = "",
  ) {
    this.#suffix = suffix;
    this.folder = folder;
    this.port = ports.https;
    this.metricsPort = ports.metrics;
    this.ca = join(folder, "ca.pem");
    this.authority = authority;
    this.#program = program;
  }

  /** Started, and taking connections. */
  static async start({ config = {}, tables = "", names = ["web.test"] }: McproxyOptions = {}): Promise<McproxyProcess> {
    const folder = Deno.makeTempDirSync({ prefix: "mcproxy-process-" });
    const ports = { https: freePort(), metrics: freePort() };
    const authority = await throwawayCa();
    Deno.writeTextFileSync(join(folder, "ca.pem"), authority.root);
    for (const name of ["data", "cache", "run", "certs"]) Deno.mkdirSync(join(folder, name), { mode: 0o700 });
    await certify(folder, authority, "web", names);
    const sections: Record<string, readonly string[]> = {
      metrics: [`addr = "127.0.0.1:${ports.metrics}"`],
      certificates: ["poll_ms = 100"],
    };
    const all = new Set([...Object.keys(sections), ...Object.keys(config)]);
    const lines = [...all].flatMap((name) => [`[${name}]`, ...sections[name] ?? [], ...config[name] ?? [], ""]);
    const listener = `[[listeners]]\nname = "https"\naddr = "127.0.0.1:${ports.https}"\n`;
    Deno.writeTextFileSync(join(folder, "mcproxy.toml"), `${lines.join("\n")}\n${listener}${tables}`);
    built ??= bundle({ root, name: "mcproxy", entry: "services/mcproxy/main.ts", builtAt: new Date() });
    const { files } = await built;
    for (const [name, content] of files) Deno.writeFileSync(join(folder, name), content);
    const process = new McproxyProcess(folder, ports, authority, spawn(folder));
    try {
      await process.#program.until(/ ready service=/, 60_000);
      return process;
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#program.pid;
  }

  get output(): string {
    return this.#program.output;
  }

  /** Resident memory in bytes. */
  get rss(): number {
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Open file descriptors. */
  get fds(): number {
    return [...Deno.readDirSync(`/proc/${this.pid}/fd`)].length;
  }

  /** For gRPC on the admin socket. */
  get adminSocket(): string {
    return `unix:${join(this.folder, "run", `admin${this.#suffix}.sock`)}`;
  }

  routes(): GrpcClient<typeof RouteService> {
    return grpcClient(RouteService, { address: this.adminSocket });
  }

  certificates(): GrpcClient<typeof CertificateService> {
    return grpcClient(CertificateService, { address: this.adminSocket });
  }

  firewall(): GrpcClient<typeof FirewallService> {
    return grpcClient(FirewallService, { address: this.adminSocket });
  }

  stats(): GrpcClient<typeof StatsService> {
    return grpcClient(StatsService, { address: this.adminSocket });
  }

  /** Sets a route on "https"; an l7 one has the certificate `web` unless it says otherwise. */
  async put(route: Partial<RouteInput> & { hostname: string; backends: readonly string[] }): Promise<void> {
    await using routes = this.routes();
    const isL7 = (route.mode ?? "l7") === "l7";
    const files = isL7 && (route.path ?? "/") === "/" && route.acme !== true;
    const { redirect, healthCheck, signIn, maxBodyBytes = 0, ...others } = route;
    const { requestHeaders = [], responseHeaders = [], ...rest } = others;
    await routes.putRoute({
      listener: "https",
      mode: "l7",
      tlsCert: files ? "web.pem" : "",
      tlsKey: files ? "web.key" : "",
      ...rest,
      backends: [...route.backends],
      requestHeaders: [...requestHeaders],
      responseHeaders: [...responseHeaders],
      maxBodyBytes: BigInt(maxBodyBytes),
      ...(redirect ? { redirect } : {}),
      ...(signIn ? { signIn: { allow: [...signIn.allow] } } : {}),
      ...(healthCheck
        ? { healthCheck: { ...healthCheck, expectedStatuses: [...healthCheck.expectedStatuses ?? []] } }
        : {}),
    });
  }

  /** Issues a certificate and writes `certs/<file>.pem` and `.key`. */
  certify(file: string, names: string[], notAfter?: Date): Promise<void> {
    return certify(this.folder, this.authority, file, names, notAfter);
  }

  /**
   * Starts a second process on the same addresses, then has the first one stop: a hot restart.
   * @param stopping called just before the first one is told
   */
  async replace(stopping = () => {}): Promise<void> {
    const next = spawn(this.folder, this.#suffix);
    await next.until(/ ready service=/, 60_000);
    stopping();
    const before = this.#program;
    this.#program = next;
    await before.stop(35_000);
  }

  /**
   * Starts a further process on the same routes and listeners, with its own sockets and metrics port. To be disposed of
   * before this one, whose folder it uses.
   */
  async beside(number: number): Promise<McproxyProcess> {
    const suffix = `-${number}`;
    const metrics = freePort();
    const text = Deno.readTextFileSync(join(this.folder, "mcproxy.toml"))
      .replace(`addr = "127.0.0.1:${this.metricsPort}"`, `addr = "127.0.0.1:${metrics}"`);
    const own = `[server]\nrest_addr = "unix:run/rest${suffix}.sock"\ngrpc_addr = "unix:run/admin${suffix}.sock"\n`;
    const isThere = text.includes("[server]\n");
    Deno.writeTextFileSync(
      join(this.folder, `mcproxy${suffix}.toml`),
      isThere ? text.replace("[server]\n", own) : `${own}\n${text}`,
    );
    const program = spawn(this.folder, suffix);
    const process = new McproxyProcess(this.folder, { https: this.port, metrics }, this.authority, program, suffix);
    try {
      await program.until(/ ready service=/, 60_000);
      return process;
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    Deno.kill(this.pid, "SIGKILL");
    await this.#program.status();
  }

  /** The value of a metric with these labels, as in `mcproxy_accepted_total{listener="https"}`. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text();
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    if (line === undefined) throw new Error(`no ${name} in:\n${text}`);
    return Number(line.slice(name.length + 1));
  }

  /** SIGKILL, and a new start. Resolves when it takes connections again. */
  async killAndStart(): Promise<void> {
    await this.kill();
    this.#program = spawn(this.folder, this.#suffix);
    await this.#program.until(/ ready service=/, 60_000);
  }

  /** SIGTERM; its exit code. */
  stop(): Promise<number> {
    return this.#program.stop(35_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop(15_000);
    if (this.#suffix !== "") return;
    Deno.removeSync(this.folder, { recursive: true });
  }
}

async function certify(folder: string, authority: ThrowawayCa, file: string, names: string[], notAfter?: Date) {
  const { cert, key } = await authority.issue(names, notAfter);
  // Written beside and renamed, as an issuer does it: nobody reads half a file.
  for (const [suffix, text] of [["key", key], ["pem", cert]] as const) {
    const path = join(folder, "certs", `${file}.${suffix}`);
    Deno.writeTextFileSync(`${path}.new`, text, { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  }
}

function spawn(folder: string, suffix = ""): StartedProgram {
  const configFile = join(folder, `mcproxy${suffix}.toml`);
  const { config } = loadConfig({ schema, service: "mcproxy", file: configFile, environment: () => undefined });
  const derived = derive({ declaration: sandbox, config, configFile });
  const entry = join(folder, "main.js");
  return new StartedProgram(
    commandLine(derived, { entry, args: ["server", "--config", configFile] }),
    { DENO_DIR: join(folder, "cache"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    folder,
  );
}
