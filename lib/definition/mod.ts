/**
 * Service definitions: the TOML that says what a service is, read into one typed
 * value. The agent and the CLI share this reading, so both refuse the same things
 * with the same words. Every problem of a text is found in one pass and named by
 * file, line, key and, for a slip, the nearest key.
 * @module
 */
export {
  type ComponentDefinition,
  defaultStage,
  type HealthCheck,
  type Peer,
  type RestartPolicy,
  type RouteDefinition,
  type RouteMode,
  type Runtime,
  type ServiceDefinition,
  type Stage,
  stages,
  type Volume,
} from "./definition.ts";
export { type ImageReference, imageText, parseImage } from "./image.ts";
export { checkDefinition, parseDefinition, type ParseOptions } from "./parse.ts";
export { type Problem, problemText } from "./problem.ts";
export { isHostname, isServiceName } from "./names.ts";
