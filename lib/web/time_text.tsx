/**
 * Times and lengths of time for people.
 * @module
 */
const units: readonly [ms: number, short: string][] = [
  [365 * 86_400_000, "y"],
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** The two largest units: "3 d 4 h", "12 min", "0 s". */
export function lengthText(ms: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, ms);
  for (const [size, short] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${short}`);
    else if (parts.length > 0) break;
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? "0 s" : parts.join(" ");
}

/** The largest unit alone, before or after now: "3 d ago", "in 2 h", "now". */
export function relativeText(at: number, now: number): string {
  const distance = Math.abs(at - now);
  const unit = units.find(([size]) => distance >= size);
  if (unit === undefined) return "now";
  const text = `${Math.floor(distance / unit[0])} ${unit[1]}`;
  return at > now ? `in ${text}` : `${text} ago`;
}

/** A time as distance from now, with the exact one for machines and on hovering. ms since the epoch. */
export function RelativeTime({ at, now }: { at: number; now: number }) {
  const iso = new Date(at).toISOString();
  return <time datetime={iso} title={iso.replace("T", " ").replace(/\.\d+Z$/, " UTC")}>{relativeText(at, now)}</time>;
}
