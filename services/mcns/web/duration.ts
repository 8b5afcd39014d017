/** Lengths of time as people write them into forms: "300", "5m", "1h30m", "2 d". */
import { invalid, quote } from "@lib/errors/mod.ts";

const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
// RFC 2181 §8: a TTL has 31 bits.
const largest = 2 ** 31 - 1;

/**
 * Seconds; `empty` for an empty text.
 * @throws PlatformError `invalid`
 */
export function parseSeconds(text: string, field: string, empty: number): number {
  const given = text.trim().toLowerCase();
  if (given === "") return empty;
  if (/^\d{1,10}$/.test(given)) return inRange(Number(given), field);
  const parts = [...given.matchAll(/(\d{1,10})\s*([smhdw])\s*/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== given) {
    throw invalid(field, `must be seconds, or like 5m, 1h30m, 2d, got ${quote(text)}`);
  }
  return inRange(parts.reduce((sum, [, count, unit]) => sum + Number(count) * seconds[unit!]!, 0), field);
}

function inRange(value: number, field: string): number {
  if (value > largest) throw invalid(field, `must be at most ${largest} seconds (68 years), got ${value}`);
  return value;
}

/** "300 s" as "5 min", for what is read and not edited. */
export function secondsText(value: number): string {
  for (const [size, unit] of [[604_800, "w"], [86_400, "d"], [3600, "h"], [60, "min"]] as const) {
    if (value >= size && value % size === 0) return `${value / size} ${unit}`;
  }
  return `${value} s`;
}
