import { type Clock, rfc3339, systemClock } from "@lib/clock/mod.ts";

export type Level = "debug" | "info" | "warn" | "error";
export type Fields = Record<string, unknown>;

/** Writes events of one program or one part of it. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds `fields` to every event. */
  with(fields: Fields): Logger;
}

/** A value that never shows itself: not in logs, JSON, template strings or `Deno.inspect`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the one place that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [Symbol.for("Deno.customInspect")](): string {
    return "[secret]";
  }
}

export interface LoggerOptions {
  service: string;
  /** Events below it are dropped. Default "info". */
  level?: Level;
  /** Default "text". */
  format?: "text" | "json";
  clock?: Clock;
  /** Takes one finished line with its newline. Default: standard error. */
  write?: (line: string) => void;
}

const ranks: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const secretName = /password|passphrase|secret|authorization|private_key|^token$|_token$/i;
const encoder = new TextEncoder();

function toStderr(line: string): void {
  try {
    Deno.stderr.writeSync(encoder.encode(line));
  } catch {
    // Nobody reads standard error any more (its pipe is closed): a log line is not worth dying for.
  }
}

/** Makes the logger of a program. */
export function createLogger(options: LoggerOptions): Logger {
  const { service, level = "info", format = "text", clock = systemClock, write = toStderr } = options;
  const threshold = ranks[level];

  const make = (bound: Fields): Logger => {
    const emit = (at: Level, message: string, fields?: Fields): void => {
      if (ranks[at] < threshold) return;
      const event = { ...bound, ...fields };
      const time = rfc3339(clock.now());
      write(format === "json" ? jsonLine(time, at, service, message, event) : textLine(time, at, message, event));
    };
    return {
      debug: (message, fields) => emit("debug", message, fields),
      info: (message, fields) => emit("info", message, fields),
      warn: (message, fields) => emit("warn", message, fields),
      error: (message, fields) => emit("error", message, fields),
      with: (fields) => make({ ...bound, ...fields }),
    };
  };
  return make({});
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

function jsonLine(time: string, level: Level, service: string, message: string, fields: Fields): string {
  const event: Fields = { time, level, service, message };
  for (const [key, value] of Object.entries(fields)) event[key] = secretName.test(key) ? "[secret]" : plain(value);
  return JSON.stringify(event, (_, value) => typeof value === "bigint" ? value.toString() : value) + "\n";
}

function textLine(time: string, level: Level, message: string, fields: Fields): string {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${oneLine(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const shown = secretName.test(key) ? "[secret]" : plain(value);
    const text = typeof shown === "string" ? shown : JSON.stringify(shown) ?? String(shown);
    line += ` ${key}=${/^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  return line + "\n";
}

/** Errors as their message and, for defects, their stack; everything else as it is. */
function plain(value: unknown): unknown {
  if (value instanceof Error) {
    const cause = value.cause === undefined ? "" : `; caused by ${plain(value.cause)}`;
    return (value.name === "PlatformError" ? value.message : value.stack ?? value.message) + cause;
  }
  if (typeof value === "bigint") return value.toString();
  return value;
}

// deno-lint-ignore no-control-regex -- control characters are exactly what is escaped
const controlCharacters = /[\u0000-\u001f\u007f]/g;

/** A message can't forge a second line. */
function oneLine(text: string): string {
  return text.replace(
    controlCharacters,
    (c) => c === "\t" ? " " : `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
