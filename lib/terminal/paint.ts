const codes = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33" } as const;

/** Colours text, or leaves it as it is. */
export type Paint = (text: string, style: keyof typeof codes) => string;

/** Paints for the given output: only when that is a terminal. */
export function paint(to: { isTerminal(): boolean }): Paint {
  return to.isTerminal() ? (text, style) => `\x1b[${codes[style]}m${text}\x1b[0m` : (text) => text;
}
