/**
 * The frame of a program: verbs, config, start-up, readiness, signals, drain,
 * health, exit codes, and the two API listeners that every service has.
 * @module
 */
export { logSection, mciasSection, serverSection } from "./sections.ts";
export {
  type HealthReport,
  platformVersion,
  type Program,
  type RunningService,
  type ServiceContext,
  type Verb,
  type VerbFlags,
  type VerbLists,
} from "./program.ts";
export { runProgram } from "./run.ts";
export { type Api, type ApiOptions, serveApi } from "./api.ts";
export { serviceLogin, serviceVerifier } from "./verifier.ts";
export { watchDatabase } from "./watch_database.ts";
export { holdUntilExit, untilReleased } from "./process_lock.ts";
