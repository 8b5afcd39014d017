import { join } from "node:path";
import type { Tool } from "@lib/sandbox/tool.ts";

/**
 * `mcproxyctl`: keeps its session in the data folder, talks to the platform's MC-Proxy or to the one that it is given,
 * and to MCIAS on loopback.
 */
export const tool: Tool = {
  entry: "cli/mcproxyctl/main.ts",
  sandbox: {
    program: "mcproxyctl",
    connect: ["loopback.host", "proxy.socket", "given.servers", "given.sockets"],
    read: ["source.root", "here.folder", "given.files"],
    write: ["data.folder"],
    env: ["MCP_DATA"],
  },
  settings: ({ data }) => ({ proxy: { socket: `unix:${join(data.folder, "srv", "mcproxy", "run", "admin.sock")}` } }),
};
