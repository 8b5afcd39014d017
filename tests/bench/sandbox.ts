import type { Tool } from "@lib/sandbox/tool.ts";

/** The benchmarks. */
export const tool: Tool = {
  entry: "tests/bench/main.ts",
  sandbox: { wide: "starts platforms and peers and reads their processes' memory and CPU time" },
};
