import type { Application } from "@stricli/core";
import { buildCli, type CliContext, group, loginCommand, logoutCommand } from "@lib/cli/mod.ts";
import { cacheFlushCommand, cacheListCommand } from "./commands/cache.ts";
import {
  zoneDsCommand,
  zoneKeysCommand,
  zoneRollCommand,
  zoneSignCommand,
  zoneUnsignCommand,
} from "./commands/dnssec.ts";
import { logCommand, undoCommand } from "./commands/history.ts";
import { auditCommand, explainCommand, queriesCommand, statsCommand, whoamiCommand } from "./commands/look.ts";
import {
  recordAddCommand,
  recordDeleteCommand,
  recordDeleteOwnedCommand,
  recordListCommand,
  recordSetCommand,
} from "./commands/record.ts";
import { zoneCatalogCommand, zoneRefreshCommand, zoneTransferCommand } from "./commands/transfer.ts";
import { tsigAddCommand, tsigDeleteCommand, tsigListCommand, tsigScopesCommand } from "./commands/tsig.ts";
import {
  zoneAddCommand,
  zoneDeleteCommand,
  zoneListCommand,
  zoneSetCommand,
  zoneShowCommand,
} from "./commands/zone.ts";
import { diffCommand, exportCommand, importCommand } from "./commands/zone_file.ts";

export const app: Application<CliContext> = buildCli({
  name: "mcnsctl",
  brief: "Manage zones and records of MCNS",
  routes: {
    login: loginCommand("mcnsctl"),
    logout: logoutCommand,
    whoami: whoamiCommand,
    zone: group("Zones: settings, signing, transfers", {
      list: zoneListCommand,
      show: zoneShowCommand,
      add: zoneAddCommand,
      set: zoneSetCommand,
      delete: zoneDeleteCommand,
      sign: zoneSignCommand,
      unsign: zoneUnsignCommand,
      keys: zoneKeysCommand,
      roll: zoneRollCommand,
      ds: zoneDsCommand,
      transfer: zoneTransferCommand,
      refresh: zoneRefreshCommand,
      catalog: zoneCatalogCommand,
    }),
    record: group("Records of a zone", {
      list: recordListCommand,
      add: recordAddCommand,
      set: recordSetCommand,
      delete: recordDeleteCommand,
      deleteOwned: recordDeleteOwnedCommand,
    }),
    import: importCommand,
    export: exportCommand,
    diff: diffCommand,
    log: logCommand,
    undo: undoCommand,
    tsig: group("Keys for transfers and DNS updates", {
      list: tsigListCommand,
      add: tsigAddCommand,
      scopes: tsigScopesCommand,
      delete: tsigDeleteCommand,
    }),
    cache: group("What is kept of other servers' answers", { list: cacheListCommand, flush: cacheFlushCommand }),
    queries: queriesCommand,
    explain: explainCommand,
    stats: statsCommand,
    audit: auditCommand,
  },
});
