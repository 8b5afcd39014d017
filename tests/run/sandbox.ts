import type { Tool } from "@lib/sandbox/tool.ts";

/** Runs the tests and checks. */
export const tool: Tool = {
  entry: "tests/run/main.ts",
  sandbox: { wide: "tests start programs, look into every process they started, and break things on purpose" },
};
