import type { Clock } from "@lib/clock/mod.ts";
import { createLogger, type Fields, type Logger } from "./logger.ts";

/** Keeps the last warnings and errors, as they are logged, for who asks how a program is doing. */
export class RecentProblems {
  /** Writes to the logger it was made with, and is listened to. */
  readonly log: Logger;
  readonly #lines: string[] = [];

  /** @param keep how many lines */
  constructor(log: Logger, clock: Clock, keep = 20) {
    const kept = createLogger({
      service: "",
      level: "warn",
      clock,
      write: (line) => {
        this.#lines.push(line.trimEnd());
        if (this.#lines.length > keep) this.#lines.shift();
      },
    });
    this.log = tee(log, kept);
  }

  /** Text lines with their times, newest first. */
  get lines(): string[] {
    return this.#lines.toReversed();
  }
}

/** Writes every event to both. */
function tee(one: Logger, other: Logger): Logger {
  const both = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: Fields) => {
    one[level](message, fields);
    other[level](message, fields);
  };
  return {
    debug: both("debug"),
    info: both("info"),
    warn: both("warn"),
    error: both("error"),
    with: (fields) => tee(one.with(fields), other.with(fields)),
  };
}
