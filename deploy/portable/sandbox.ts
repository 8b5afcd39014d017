import { join } from "node:path";
import type { Tool } from "@lib/sandbox/tool.ts";

/** Writes dist/, and starts the bundler. */
export const tool: Tool = {
  entry: "deploy/portable/main.ts",
  sandbox: {
    program: "portable",
    read: ["source.root", "deno.path"],
    write: ["dist.folder"],
    run: ["deno.path"],
  },
  settings: ({ source }) => ({ dist: { folder: join(source.root, "dist") } }),
};
