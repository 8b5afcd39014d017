import { join } from "node:path";
import type { Tool } from "@lib/sandbox/tool.ts";

/** `mcp`: reads definitions, keeps its session in the data folder, talks to loopback. */
export const tool: Tool = {
  entry: "cli/mcp/main.ts",
  sandbox: {
    program: "mcp",
    connect: ["loopback.host"],
    read: ["source.root", "here.folder", "given.files", "definitions.folder"],
    write: ["data.folder"],
    env: ["MCP_DATA", "HOME"],
  },
  settings: ({ home }) => ({
    definitions: { folder: home.folder === "" ? "" : join(home.folder, ".config", "mcp", "services") },
  }),
};
