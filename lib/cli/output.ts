import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { CliContext } from "./context.ts";

/** Prints a value as indented JSON. */
export function printJson(context: CliContext, value: unknown): void {
  context.print(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints a value as one line of JSON, for answers that come bit by bit. */
export function printJsonLine(context: CliContext, value: unknown): void {
  context.print(`${JSON.stringify(value)}\n`);
}

/** Facts as aligned lines "name  value"; what the terminal could take for commands is shown as "·". */
export function facts(rows: readonly (readonly [name: string, value: string])[], indent = ""): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${indent}${plain(name).padEnd(width)}${plain(value)}`.trimEnd() + "\n").join("");
}

/** A message as the API's own JSON: snake_case, RFC 3339 times, empty fields too. */
export function jsonOf<S extends DescMessage>(schema: S, message: MessageShape<S>): unknown {
  return toJson(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true });
}

/** How long ago, in one unit: "12s", "5m", "3h", "9d"; "" for no time. */
export function age(at: Timestamp | undefined, now: number): string {
  if (at === undefined) return "";
  const seconds = Math.max(0, Math.floor((now - timestampMs(at)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** RFC 3339 with seconds, UTC; "" for no time. */
export function time(at: Timestamp | undefined): string {
  return at === undefined ? "" : new Date(timestampMs(at)).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** Control characters as "·", so that a program's output can't drive the terminal; tabs stay. */
export function plain(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what is replaced
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "·");
}
