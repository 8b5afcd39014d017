import type { Application } from "@stricli/core";
import { buildCli, type CliContext, group, loginCommand, logoutCommand } from "@lib/cli/mod.ts";
import { certListCommand, certReloadCommand } from "./commands/cert.ts";
import { connectionsCommand } from "./commands/connections.ts";
import { explainCommand, firewallTestCommand } from "./commands/explain.ts";
import {
  firewallDeleteCommand,
  firewallDisableCommand,
  firewallEnableCommand,
  firewallListCommand,
  firewallPutCommand,
  firewallShowCommand,
} from "./commands/firewall.ts";
import { firewallBlockCommand, firewallUnblockCommand } from "./commands/firewall_block.ts";
import { listenerDeleteCommand, listenerListCommand, listenerPutCommand } from "./commands/listener.ts";
import { routeDeleteCommand, routeListCommand, routeShowCommand } from "./commands/route.ts";
import { routeBackendsCommand, routeMaintenanceCommand, routeSignInCommand } from "./commands/route_change.ts";
import { routePutCommand } from "./commands/route_put.ts";
import { statusCommand } from "./commands/status.ts";
import { topCommand } from "./commands/top.ts";

export const app: Application<CliContext> = buildCli({
  name: "mcproxyctl",
  brief: "Manage routes, firewall and certificates of MC-Proxy",
  routes: {
    status: statusCommand,
    top: topCommand,
    connections: connectionsCommand,
    explain: explainCommand,
    route: group("Routes: which backends serve a name, and how", {
      list: routeListCommand,
      show: routeShowCommand,
      put: routePutCommand,
      delete: routeDeleteCommand,
      maintenance: routeMaintenanceCommand,
      backends: routeBackendsCommand,
      signIn: routeSignInCommand,
    }),
    firewall: group("Firewall: who may connect, and how often", {
      list: firewallListCommand,
      show: firewallShowCommand,
      put: firewallPutCommand,
      enable: firewallEnableCommand,
      disable: firewallDisableCommand,
      delete: firewallDeleteCommand,
      block: firewallBlockCommand,
      unblock: firewallUnblockCommand,
      test: firewallTestCommand,
    }),
    cert: group("Certificates of the l7 routes", { list: certListCommand, reload: certReloadCommand }),
    listener: group("Listeners: where connections are taken", {
      list: listenerListCommand,
      put: listenerPutCommand,
      delete: listenerDeleteCommand,
    }),
    login: loginCommand("mcproxyctl"),
    logout: logoutCommand,
  },
});
