/** Programs that run from the source tree: the operator's tools, and what tests and maintains the tree. */
import type { Declaration } from "./declaration.ts";

/** What a tool's folder exports as `tool` from its sandbox.ts. */
export interface Tool {
  /** Relative to the source tree. */
  entry: string;
  /** In terms of the keys below; or what it needs everything for. */
  sandbox: Declaration | { wide: string };
  /** Further keys for the declaration to name. */
  settings?: (config: ToolConfig) => Record<string, unknown>;
}

/** The config keys that a tool's declaration may name. */
export interface ToolConfig extends Record<string, unknown> {
  source: { root: string };
  data: { folder: string };
  /** Where the tool was called from. */
  here: { folder: string };
  /**
   * What the arguments name: naming it is granting it. Files that are there, absolute, for reading; the servers of
   * `--server HOST:PORT` and `--rest HOST:PORT`; the unix sockets of `--socket PATH`, as "unix:/path".
   */
  given: { files: string[]; servers: string[]; sockets: string[] };
  /** The caller's home; "" when unknown. */
  home: { folder: string };
  loopback: { host: string };
  deno: { path: string };
}
