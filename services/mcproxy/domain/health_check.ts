/**
 * How a route's backends are asked whether they are well.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

export interface HealthCheck {
  /** Asked for with GET; "" for a connection alone. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** What is well: "204", "200-299". Absent for 200 to 399. */
  readonly expectedStatuses?: readonly string[];
  /** Lower case, with or without a port. Absent for the route's name, or the backend's where that is a wildcard. */
  readonly host?: string;
}

/** A check as callers write it. */
export interface HealthCheckInput {
  readonly path: string;
  /** 0 for the default. */
  readonly intervalMs: number;
  /** 0 for the default. */
  readonly timeoutMs: number;
  readonly expectedStatuses?: readonly string[];
  readonly host?: string;
}

/** Statuses are from 200 to 599: more ranges than this say nothing that fewer can't. */
const maxStatuses = 16;
/** A name or an address, and a port (RFC 9110 §7.2). Underscores: what is asked for inside a node need be no DNS name. */
const hostForm = /^(?:[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])(?::(\d{1,5}))?$/;

/** @throws PlatformError `invalid` on `health_check` */
export function parseHealthCheck(input: HealthCheckInput | null | undefined): HealthCheck | null {
  if (input === undefined || input === null) return null;
  const { path, intervalMs = 0, timeoutMs = 0, expectedStatuses = [] } = input;
  if (path !== "" && !/^\/[\x21-\x7e]{0,1023}$/.test(path)) {
    throw invalid("health_check", `path must be "" or start with "/", got ${quote(path)}`);
  }
  // A second: more often is load, not knowledge.
  const interval = intervalMs === 0 ? 5000 : intervalMs;
  const timeout = timeoutMs === 0 ? Math.min(2000, interval) : timeoutMs;
  if (interval < 1000 || interval > 3_600_000) {
    throw invalid("health_check", `interval_ms must be from 1000 to 3600000, got ${interval}`);
  }
  if (timeout > interval) {
    throw invalid("health_check", `timeout_ms (${timeout}) must not be longer than interval_ms (${interval})`);
  }
  const host = parseHost(input.host ?? "");
  if (path === "") {
    const needless = expectedStatuses.length > 0 ? "expected_statuses" : host === "" ? null : "host";
    if (needless !== null) throw invalid("health_check", `${needless} needs a path: a connection alone has none`);
  }
  checkStatuses(expectedStatuses);
  return {
    path,
    intervalMs: interval,
    timeoutMs: timeout,
    ...(expectedStatuses.length === 0 ? {} : { expectedStatuses: [...expectedStatuses] }),
    ...(host === "" ? {} : { host }),
  };
}

function parseHost(text: string): string {
  const host = text.toLowerCase();
  if (host === "") return "";
  const match = hostForm.exec(host);
  const port = Number(match?.[1] ?? 1);
  if (match !== null && port >= 1 && port <= 65_535) return host;
  throw invalid("health_check", `host must be a host with or without a port, got ${quote(text)}`);
}

function checkStatuses(texts: readonly string[]): void {
  if (texts.length > maxStatuses) {
    throw invalid("health_check", `expected_statuses takes at most ${maxStatuses}, got ${texts.length}`);
  }
  for (const text of texts) {
    const range = parseRange(text);
    if (range === null || range.first > range.last) {
      throw invalid(
        "health_check",
        `expected_statuses must be from 200 to 599, like "204" or "200-299", got ${quote(text)}`,
      );
    }
  }
}

/** Interim responses, 1xx, are no answer. */
function parseRange(text: string): { first: number; last: number } | null {
  const [, first, last = first] = /^([2-5]\d\d)(?:-([2-5]\d\d))?$/.exec(text) ?? [];
  return first === undefined ? null : { first: Number(first), last: Number(last) };
}

/** Whether a backend that answers so is well. */
export function isExpected({ expectedStatuses = ["200-399"] }: HealthCheck, status: number): boolean {
  return expectedStatuses.some((text) => {
    const range = parseRange(text);
    return range !== null && range.first <= status && status <= range.last;
  });
}
