/** How amounts are read and written: bytes, times, rates. */

const sizeUnits: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** Reads bytes: 20M (MiB), 512K, 1G, 4096. */
export function size(text: string): bigint {
  const [, number = "", unit = ""] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  if (number === "") throw new Error("must be bytes, or like 512K, 20M, 1G");
  return BigInt(number) * BigInt(sizeUnits[unit.toUpperCase()]!);
}

/** Bytes in the largest unit of `size` that says them exactly. */
export function sizeText(bytes: bigint): string {
  const unit = ["G", "M", "K"].find((one) => bytes > 0n && bytes % BigInt(sizeUnits[one]!) === 0n) ?? "";
  return `${bytes / BigInt(sizeUnits[unit]!)}${unit}`;
}

const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
// What the API's fields hold, ms: 49 days.
const longest = 0xffff_ffff;

/** Reads a time as milliseconds: 500ms, 30s, 5m, 1h30m; a number alone is seconds. */
export function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d{1,10})(ms|s|m|h|d|$)/g)];
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * timeUnits[unit || "s"]!, 0);
  if (text === "" || parts.map(([part]) => part).join("") !== text || total > longest) {
    throw new Error("must be seconds, or like 500ms, 30s, 5m");
  }
  return total;
}

/** A time as `milliseconds` reads it: "1m30s", "500ms". */
export function timeText(ms: number): string {
  let rest = ms, text = "";
  for (const [unit, length] of Object.entries(timeUnits).reverse()) {
    if (rest < length) continue;
    text += `${Math.floor(rest / length)}${unit}`;
    rest %= length;
  }
  return text || "0s";
}

/** A rate of the firewall as it is written, and how much of it may come at once when nothing else is said. */
export interface WrittenRate {
  readonly perSecond: number;
  readonly burst: number;
}

const perUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads "10/s", "300/m", "1000/h", "5/d". */
export function rate(text: string): WrittenRate {
  const [, number = "", unit = ""] = /^(\d{1,7}(?:\.\d{1,6})?)\/([smhd])$/.exec(text) ?? [];
  if (number === "") throw new Error("must be like 10/s, 300/m, 1000/h or 5/d");
  return { perSecond: Number(number) / perUnits[unit]!, burst: Math.max(1, Math.ceil(Number(number))) };
}

/** In the shortest unit that makes it a whole number. */
export function rateText(perSecond: number): string {
  for (const [unit, length] of Object.entries(perUnits)) {
    const number = perSecond * length;
    // 300 a minute is 5 a second exactly; 100 a minute is not, and comes back as 100.00000000000001.
    if (number >= 1 && Math.abs(number - Math.round(number)) < 1e-6) return `${Math.round(number)}/${unit}`;
  }
  return `${Number(perSecond.toPrecision(3))}/s`;
}

/** Bytes with three digits or so: "812 B", "1.2 MiB". */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let number = bytes, at = 0;
  for (; number >= 1000 && at < units.length - 1; at++) number /= 1024;
  return `${digits(number, at === 0)} ${units[at]}`;
}

/** Something a second: "0", "0.4", "12". */
export const perSecondText = (number: number): string => number < 0.05 ? "0" : digits(number, false);

/** How long something took, ms: "0.4 ms", "12 ms", "1.5 s"; "" for 0, which means that nothing was measured. */
export function latencyText(ms: number): string {
  if (ms === 0) return "";
  return ms < 1000 ? `${digits(ms, false)} ms` : `${digits(ms / 1000, false)} s`;
}

function digits(number: number, whole: boolean): string {
  return whole || number >= 9.95 ? String(Math.round(number)) : number.toFixed(1);
}
