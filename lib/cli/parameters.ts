/** Flags and arguments that commands share. */

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

/** One service's name. */
export const serviceArgument = {
  kind: "tuple",
  parameters: [{ brief: "The service's name", parse: String, placeholder: "service" }],
} as const;
