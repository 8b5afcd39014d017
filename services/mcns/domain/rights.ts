/** Who may change records. Reading is for every account; zones are changed by admins only (the contract says so). */
import { denied, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "./name.ts";
import type { RecordName } from "./record_name.ts";

/** The caller, as far as rights go. */
export interface Actor {
  username: string;
  accountType: "human" | "system" | "local";
  admin: boolean;
}

export interface RightsSettings {
  /** The zone in which each system account owns the record of its name. */
  serviceZone: DomainName;
  /** The system account that may write any record: the agent that deploys. */
  agentAccount: string;
}

/**
 * Returns when `actor` may add or delete records of `name` in `zone`, else throws Denied with rule `record-owner`.
 * Any record: admins and the agent's system account. Another system account: the record of its own name in the
 * service zone, and `_acme-challenge` below that. Nobody else.
 */
export function checkMayChangeRecord(
  settings: RightsSettings,
  actor: Actor,
  zone: DomainName,
  name: RecordName,
): void {
  if (actor.admin) return;
  if (actor.accountType === "system") {
    if (actor.username === settings.agentAccount) return;
    if (zone.key === settings.serviceZone.key && ownNames(actor.username).includes(name.relative)) return;
  }
  const may = actor.accountType === "system"
    ? `system account ${quote(actor.username)} may only change ${quote(actor.username)} in ${settings.serviceZone}`
    : `${quote(actor.username)} has no admin role`;
  throw denied("record-owner", `Cannot change ${quote(name.relative)} in ${zone}: ${may}`);
}

/** The names an account owns; none when its name isn't one plain label (`a.b` would own a name below somebody's `b`). */
function ownNames(username: string): string[] {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(username) ? [username, `_acme-challenge.${username}`] : [];
}
