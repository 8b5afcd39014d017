import type { Application } from "@stricli/core";
import { buildCli, type CliContext, group, loginCommand, logoutCommand } from "@lib/cli/mod.ts";
import {
  deployCommand,
  restartCommand,
  shutdownCommand,
  startCommand,
  stopCommand,
  undeployCommand,
} from "./commands/change.ts";
import { logsCommand } from "./commands/logs.ts";
import { eventsCommand, nodeStatusCommand, psCommand, sandboxCommand, statusCommand } from "./commands/look.ts";
import { validateCommand } from "./commands/validate.ts";

export const app: Application<CliContext> = buildCli({
  name: "mcp",
  brief: "Run services on a Metacircular platform",
  routes: {
    login: loginCommand("mcp"),
    logout: logoutCommand,
    deploy: deployCommand,
    undeploy: undeployCommand,
    stop: stopCommand,
    start: startCommand,
    restart: restartCommand,
    ps: psCommand,
    status: statusCommand,
    logs: logsCommand,
    events: eventsCommand,
    validate: validateCommand,
    sandbox: sandboxCommand,
    node: group("The node itself", { status: nodeStatusCommand, shutdown: shutdownCommand }),
  },
});
