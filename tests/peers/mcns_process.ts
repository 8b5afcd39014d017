/**
 * MCNS as a real process in its sandbox, from its bundle, with zones that were put into its database beforehand.
 * MCIAS is not there: names are answered all the same.
 * @module
 */
import { join } from "node:path";
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { commandLine, derive } from "@lib/sandbox/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { type BuiltBundle, bundle } from "../../deploy/bundle/bundle.ts";
import { portsAbove } from "../../deploy/local/layout.ts";
import { type Config, schema } from "../../services/mcns/config.ts";
import { Views } from "../../services/mcns/domain/views.ts";
import { sandbox } from "../../services/mcns/sandbox.ts";
import { databasePath } from "../../services/mcns/server.ts";
import { KeyVault } from "../../services/mcns/store/key_vault.ts";
import { migrations } from "../../services/mcns/store/migrations.ts";
import { type TransferStores, transferStores } from "../../services/mcns/store/transfer_stores.ts";
import { type ZoneStores, zoneStores } from "../../services/mcns/store/zone_stores.ts";
import { freePortsBase, root } from "../platform.ts";
import { StartedProgram } from "../sandbox/started_program.ts";

export interface McnsOptions {
  /** Of all its listeners. Default 127.0.0.1. */
  address?: string;
  /** Further lines of mcns.toml by section, e.g. `{ dns: ['nsid = "a"'], forward: [...] }`. */
  config?: Readonly<Record<string, readonly string[]>>;
  /** Whole tables that follow, e.g. `[[views]] …`. */
  tables?: string;
  /** Puts zones into the database before the first start. */
  fill?(stores: McnsStores): void | Promise<void>;
}

/** What is in the database of a process, to read and to change it from another one. */
export type McnsStores = ZoneStores & TransferStores;

/** Made once for all processes of a test. */
let built: Promise<BuiltBundle> | undefined;

export class McnsProcess implements AsyncDisposable {
  readonly folder: string;
  /** Of DNS over UDP and TCP, "ip:port". */
  readonly dns: string;
  /** Of DNS over TLS, "ip:port". */
  readonly dot: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly restPort: number;
  /** The root of its certificate, for "localhost" and 127.0.0.1. */
  readonly ca: string;
  #program: StartedProgram;

  private constructor(folder: string, address: string, base: number, program: StartedProgram) {
    this.folder = folder;
    const { dns, proxy, mcns } = portsAbove(base);
    this.port = dns;
    this.tlsPort = proxy;
    this.restPort = mcns.rest;
    this.dns = `${address}:${dns}`;
    this.dot = `${address}:${proxy}`;
    this.ca = join(folder, "ca.pem");
    this.#program = program;
  }

  /** Started, and answering. */
  static async start(
    { address = "127.0.0.1", config = {}, tables = "", fill }: McnsOptions = {},
  ): Promise<McnsProcess> {
    const folder = Deno.makeTempDirSync({ prefix: "mcns-process-" });
    const base = freePortsBase();
    const ports = portsAbove(base);
    const ca = await throwawayCa();
    const { cert, key } = await writeIssued(folder, await ca.issue(["localhost", "127.0.0.1"]));
    Deno.writeTextFileSync(join(folder, "ca.pem"), ca.root);
    for (const name of ["data", "cache"]) Deno.mkdirSync(join(folder, name), { mode: 0o700 });
    const sections: Record<string, readonly string[]> = {
      server: [
        `rest_addr = "${address}:${ports.mcns.rest}"`,
        `grpc_addr = "${address}:${ports.mcns.grpc}"`,
        `tls_cert = "${cert}"`,
        `tls_key = "${key}"`,
        `data_dir = "${join(folder, "data")}"`,
      ],
      mcias: [`address = "127.0.0.1:${ports.mcias.grpc}"`, `ca_cert = "${join(folder, "ca.pem")}"`],
      dns: [`listen_addrs = ["${address}:${ports.dns}"]`, `tls_listen_addrs = ["${address}:${ports.proxy}"]`],
    };
    const names = new Set([...Object.keys(sections), ...Object.keys(config)]);
    const lines = [...names].flatMap((name) => [`[${name}]`, ...sections[name] ?? [], ...config[name] ?? [], ""]);
    Deno.writeTextFileSync(join(folder, "mcns.toml"), lines.join("\n") + tables);
    if (fill !== undefined) await fillDatabase(loadedConfig(folder), fill);
    built ??= bundle({ root, name: "mcns", entry: "services/mcns/main.ts", builtAt: new Date() });
    const { files } = await built;
    for (const [name, content] of files) Deno.writeFileSync(join(folder, name), content);
    const program = spawn(folder);
    const process = new McnsProcess(folder, address, base, program);
    try {
      await program.until(/ ready service=/, 60_000);
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

  /** CPU time that it has used, ms. */
  get cpuMs(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime and stime, in ticks of 10 ms (USER_HZ is 100 on every Linux that we run on).
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** Starts a second process on the same addresses, then has the first one stop: a hot restart. */
  async replace(): Promise<void> {
    const next = spawn(this.folder);
    await next.until(/ ready service=/, 60_000);
    const before = this.#program;
    this.#program = next;
    await before.stop(35_000);
  }

  /** SIGKILL, and a new start. Resolves when it answers again. */
  async killAndStart(): Promise<void> {
    Deno.kill(this.pid, "SIGKILL");
    await this.#program.status();
    this.#program = spawn(this.folder);
    await this.#program.until(/ ready service=/, 60_000);
  }

  /** Its database, opened by the test too. */
  openStores(): McnsStores & Disposable {
    return openStores(loadedConfig(this.folder));
  }

  /** SIGTERM; its exit code. */
  stop(): Promise<number> {
    return this.#program.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function loadedConfig(folder: string): Config {
  const file = join(folder, "mcns.toml");
  return loadConfig({ schema, service: "mcns", file, environment: () => undefined }).config;
}

function spawn(folder: string): StartedProgram {
  const configFile = join(folder, "mcns.toml");
  const derived = derive({ declaration: sandbox, config: loadedConfig(folder), configFile });
  const entry = join(folder, "main.js");
  return new StartedProgram(
    commandLine(derived, { entry, args: ["server", "--config", configFile] }),
    { DENO_DIR: join(folder, "cache"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    folder,
  );
}

async function fillDatabase(config: Config, fill: (stores: McnsStores) => void | Promise<void>): Promise<void> {
  using stores = openStores(config);
  await fill(stores);
}

/** The database and its key file; a process that runs beside sees each change within 250 ms. */
function openStores(config: Config): McnsStores & Disposable {
  using stack = new DisposableStack();
  const db = stack.adopt(
    openDatabase({
      path: databasePath(config),
      migrations: [auditMigration, ...migrations],
      durability: "normal",
      clock: systemClock,
    }),
    (opened) => opened.close(),
  );
  const audit = new AuditLog(db);
  const views = new Views(config.views.map(({ name }) => ({ name, has: () => false })));
  const stores = zoneStores(db, { audit, views, journalBytes: 1024 * 1024, clock: systemClock, log: silentLogger });
  stores.follower.reload();
  const vault = KeyVault.open(config.dnssec.key_file || join(config.server.data_dir, "mcns.key"));
  const opened = stack.move();
  return { ...stores, ...transferStores(db, audit, vault, silentLogger), [Symbol.dispose]: () => opened.dispose() };
}
