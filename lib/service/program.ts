import type { Clock } from "@lib/clock/mod.ts";
import type { ConfigOf, Schema } from "@lib/config/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Registry } from "@lib/metrics/mod.ts";
import type { Declaration } from "@lib/sandbox/mod.ts";

/** The version of the source tree; a bundle's own version (`$<PROGRAM>_BUNDLE_VERSION`) wins where it runs as one. */
export const platformVersion = "0.1.0";

/** What `server.ts` builds everything from. */
export interface ServiceContext<Config> {
  config: Config;
  log: Logger;
  clock: Clock;
  metrics: Registry;
  name: string;
  version: string;
  startedAt: Date;
}

/** What keeps a program from serving fully, in words for an operator. */
export interface HealthReport {
  status: "serving" | "degraded";
  reasons: string[];
  sealed?: boolean;
}

/** A started service. Disposing stops it: drained within the shutdown time-out. */
export interface RunningService extends AsyncDisposable {
  health(): HealthReport;
}

/** Values by flag, of those that were given. */
export type VerbFlags = Readonly<Record<string, string>>;
/** The same of flags that may be given several times. */
export type VerbLists = Readonly<Record<string, readonly string[]>>;

/** A verb beside `server`, `snapshot`, `status` and `version`; its result is the exit code. */
export interface Verb<Config> {
  summary: string;
  /** Flags as `--name VALUE`, beside `--config`. */
  flags?: Readonly<Record<string, string>>;
  /** Flags that may be given several times. */
  lists?: Readonly<Record<string, string>>;
  run(context: ServiceContext<Config>, flags: VerbFlags, lists: VerbLists): Promise<number> | number;
}

/** A program, as its main.ts declares it. */
export interface Program<S extends Schema> {
  name: string;
  schema: S;
  sandbox: Declaration;
  start(context: ServiceContext<ConfigOf<S>>): Promise<RunningService>;
  /** The database file that `snapshot` copies; left out for programs without one. */
  database?: (config: ConfigOf<S>) => string;
  /** Where `status` asks by plain HTTP on loopback, for programs whose API is on a unix socket: "127.0.0.1:9091/health". */
  plainHealth?: (config: ConfigOf<S>) => string;
  verbs?: Readonly<Record<string, Verb<ConfigOf<S>>>>;
}
