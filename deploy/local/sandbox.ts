import { join } from "node:path";
import type { Tool } from "@lib/sandbox/tool.ts";

/** The local platform's tool: builds bundles, writes the data folder, starts the agent, talks to loopback. */
export const tool: Tool = {
  entry: "deploy/local/main.ts",
  sandbox: {
    program: "local",
    connect: ["loopback.host", "agent.socket"],
    read: ["source.root", "deno.path"],
    write: ["data.folder"],
    run: ["deno.path"],
    env: ["MCP_DATA"],
  },
  settings: ({ data }) => ({ agent: { socket: `unix:${join(data.folder, "srv", "mcpagent", "run", "agent.sock")}` } }),
};
