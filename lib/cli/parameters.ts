/** Flags that commands share. */

/** Flags of every command that talks to a platform. */
export interface PlatformFlags {
  readonly data?: string;
}

export const dataFlag = {
  data: {
    kind: "parsed",
    parse: String,
    brief: "The platform's data folder [$MCP_DATA, .metacircular]",
    placeholder: "DIR",
    optional: true,
  },
} as const;

export const jsonFlag = {
  json: { kind: "boolean", brief: "Print the API's own JSON", default: false, withNegated: false },
} as const;

/** A flag that takes a text and may be left out. */
export function textFlag(brief: string, placeholder: string) {
  return { kind: "parsed", parse: String, brief, placeholder, optional: true } as const;
}

/** A flag that can be given several times. */
export function listFlag(brief: string, placeholder: string) {
  return { kind: "parsed", parse: String, brief, placeholder, variadic: true, optional: true } as const;
}

/** A flag that is either given or not. */
export function switchFlag(brief: string) {
  return { kind: "boolean", brief, default: false, withNegated: false } as const;
}

/** A whole number of things to show, 1 to 10,000. */
export function count(text: string): number {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 1 || number > 10_000) throw new Error("must be a number from 1 to 10000");
  return number;
}
