/**
 * Amounts for people: counts, bytes, rates, times of milliseconds. No line ends between a number and its unit.
 * @module
 */

export function countText(value: bigint | number): string {
  return value.toLocaleString("en");
}

/** "1 route", "1,234 routes". */
export function countOf(value: bigint | number, noun: string): string {
  return `${countText(value)} ${noun}${Number(value) === 1 ? "" : "s"}`;
}

const units = ["B", "kB", "MB", "GB", "TB"];

/** With three digits at most: "512 B", "1.2 kB", "34 MB"; of 1000, as network people count. */
export function bytesText(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)}\u00a0${units[unit]}`;
}

/** "0", "0.4", "12", "1,234". */
export function rateText(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.05) return "<0.1";
  return perSecond < 9.95 ? String(Math.round(perSecond * 10) / 10) : countText(Math.round(perSecond));
}

/** "–" for none, "0.4 ms", "12 ms", "1.5 s". */
export function latencyText(ms: number): string {
  if (ms === 0) return "–";
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)}\u00a0s`;
  return ms < 9.95 ? `${ms.toFixed(1)}\u00a0ms` : `${ms.toFixed(0)}\u00a0ms`;
}

/** How many of all, for "3 of 100 failed". "0 %", "0.4 %", "12 %" */
export function partText(part: bigint | number, whole: bigint | number): string {
  if (Number(whole) === 0) return "–";
  const percent = 100 * Number(part) / Number(whole);
  if (percent > 0 && percent < 0.05) return "<0.1\u00a0%";
  return `${percent < 9.95 ? Math.round(percent * 10) / 10 : Math.round(percent)}\u00a0%`;
}

/** The next of 1, 2, 5, 10, 20, … */
export function niceCeiling(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10);
}
