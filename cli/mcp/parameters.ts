/** One service's name. */
export const serviceArgument = {
  kind: "tuple",
  parameters: [{ brief: "The service's name", parse: String, placeholder: "service" }],
} as const;
