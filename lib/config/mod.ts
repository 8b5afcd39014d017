/**
 * Configuration: one TOML file and the environment, checked against a schema
 * that names every key with its meaning, unit and default.
 *
 * Precedence, lowest first: default, file, `$<SERVICE>_<SECTION>_<KEY>`, and for
 * an address's port `$PORT` or `$PORT_<NAME>`. Unknown keys are errors with file,
 * line and the nearest known key. Secrets are given by file (`…_file` keys).
 * @module
 */
export {
  address,
  addresses,
  boolean,
  choice,
  cidrs,
  type ConfigOf,
  defaultsOf,
  defineConfig,
  integer,
  type Key,
  path,
  paths,
  required,
  type Schema,
  type Section,
  tables,
  text,
  texts,
} from "./schema.ts";
export { type Environment, loadConfig, type LoadedConfig, processEnvironment } from "./load.ts";
export { printConfig } from "./print.ts";
export { nearest } from "./nearest.ts";
export { TomlLines } from "./toml_lines.ts";
export { parseHostPort } from "./host_port.ts";
