import type { Tool } from "@lib/sandbox/tool.ts";

/** `mcnsctl`: reads zone files, keeps its session in the data folder, talks to loopback and to the server it is given. */
export const tool: Tool = {
  entry: "cli/mcnsctl/main.ts",
  sandbox: {
    program: "mcnsctl",
    connect: ["loopback.host", "given.servers"],
    read: ["source.root", "here.folder", "given.files"],
    write: ["data.folder"],
    env: ["MCP_DATA"],
  },
};
