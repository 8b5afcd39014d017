/** How arguments are written: durations, zones. */

/** One zone's name. */
export const zoneArgument = {
  kind: "tuple",
  parameters: [{ brief: "The zone's name", parse: String, placeholder: "zone" }],
} as const;

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads a duration as seconds: 300, 90s, 15m, 2h, 7d, 1w, also put together: 1h30m. */
export function duration(text: string): number {
  const parts = [...text.matchAll(/(\d{1,10})([smhdw]?)/g)];
  const seconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit || "s"]!, 0);
  const whole = parts.map(([part]) => part).join("") === text && text !== "";
  if (!whole || seconds > 0xffff_ffff) throw new Error("must be seconds, or like 15m, 2h, 7d");
  return seconds;
}

/** A flag that takes a duration. */
export function durationFlag(brief: string) {
  return { kind: "parsed", parse: duration, brief, placeholder: "TIME", optional: true } as const;
}

/** Seconds as people read them: "7d", "1h30m", "0s". */
export function seconds(total: number): string {
  let rest = total, text = "";
  for (const [unit, length] of Object.entries(units).reverse()) {
    if (unit === "w" || rest < length) continue;
    text += `${Math.floor(rest / length)}${unit}`;
    rest %= length;
  }
  return text || "0s";
}
