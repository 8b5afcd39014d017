import type { Tool } from "@lib/sandbox/tool.ts";

/** The generator of proto/. */
export const tool: Tool = {
  entry: "lib/contract/generate.ts",
  sandbox: { wide: "starts buf and its plug-in, which load a native binary" },
};
