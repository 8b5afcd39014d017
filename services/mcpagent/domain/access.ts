import { denied, quote } from "@lib/errors/mod.ts";

/** Of a caller, what the rules below look at. */
export interface Requester {
  readonly username: string;
  readonly accountType: "human" | "system" | "local";
  readonly roles: readonly string[];
}

/**
 * Who may deploy, stop, start, restart and undeploy a service:
 * admins everything; other humans with role user whatever is not part of the platform; the
 * system accounts mcp-master and mcp-agent everything; any other system account only the service of its own name,
 * and that not when it is part of the platform.
 * @param platform the service is part of the platform, or would start before the applications
 * @throws PlatformError denied, naming the rule
 */
export function refuseUnlessManager(caller: Requester, service: string, platform: boolean): void {
  if (caller.accountType === "local" || (caller.accountType === "human" && caller.roles.includes("admin"))) return;
  if (caller.accountType === "system" && (caller.username === "mcp-master" || caller.username === "mcp-agent")) return;
  if (platform) {
    throw denied("platform-needs-admin", `${quote(service)} is part of the platform: only an admin may change it`, {
      hint: "Log in with an account that has the role admin",
    });
  }
  if (caller.accountType === "system" && caller.username !== service) {
    throw denied(
      "own-service",
      `System account ${quote(caller.username)} may change only the service of its own name, not ${quote(service)}`,
    );
  }
}
