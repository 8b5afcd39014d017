/**
 * Structured logs to stderr, one line an event, as text or JSON.
 *
 * Secrets are kept out by type: wrap them in `Secret` and they print as
 * `[secret]` wherever they end up. Field names that speak of secrets are
 * redacted as a second net.
 * @module
 */
export {
  createLogger,
  type Fields,
  type Level,
  type Logger,
  type LoggerOptions,
  Secret,
  silentLogger,
} from "./logger.ts";
export { RecentProblems } from "./recent_problems.ts";
