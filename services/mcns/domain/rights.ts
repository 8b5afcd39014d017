/** Who may change records. Reading is for every account; zones are changed by admins only (the contract says so). */
import { denied, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "./name.ts";
import { types, typeText } from "./rdata/record_type.ts";
import type { RecordName } from "./record_name.ts";
import { checkScopesHaveRecords, describeLimit, type TokenLimit } from "./token_scopes.ts";

/** The caller, as far as rights go. */
export interface Actor {
  username: string;
  accountType: "human" | "system" | "local";
  admin: boolean;
  /** What the caller's token is limited to, of what the account may; null for nothing. */
  limit: TokenLimit | null;
}

export interface RightsSettings {
  /** The zone in which each system account owns the record of its name. */
  serviceZone: DomainName;
  /** The system account that may write any record: the agent that deploys. */
  agentAccount: string;
}

/**
 * Whether `actor` may change every record: an admin, or the agent's system account (a human of that name isn't it); by a
 * token without scopes.
 */
export function mayChangeAnyRecord(settings: RightsSettings, actor: Actor): boolean {
  return actor.limit === null && isForAnyRecord(settings, actor);
}

/** The same of the account, whatever the token. */
function isForAnyRecord({ agentAccount }: RightsSettings, { admin, accountType, username }: Actor): boolean {
  return admin || (accountType === "system" && username === agentAccount);
}

/** Throws Denied with rule `any-record` for who may not change every record. */
export function checkMayChangeAnyRecord(settings: RightsSettings, actor: Actor, what: string): void {
  if (mayChangeAnyRecord(settings, actor)) return;
  throw denied(
    "any-record",
    `Cannot ${what}: that is for admins and system account ${quote(settings.agentAccount)}, not for ${
      quote(actor.username)
    }`,
  );
}

/**
 * Returns when `actor` may add or delete records of `name` and `type` in `zone`, else throws Denied with rule
 * `record-owner`. Any record: who `mayChangeAnyRecord`. Another system account: in the service zone, all types at its
 * own name, and TXT at `_acme-challenge` below that. Nobody else. By a token with scopes only what those have too (rule
 * `token-scopes`).
 * @param type null stands for all types at once
 */
export function checkMayChangeRecord(
  settings: RightsSettings,
  actor: Actor,
  zone: DomainName,
  name: RecordName,
  type: number | null,
): void {
  checkScopesHaveRecords(actor.limit, { zone, name, type }, "change");
  if (isForAnyRecord(settings, actor)) return;
  const { serviceZone } = settings;
  const own = ownName(actor);
  if (own !== null && zone.key === serviceZone.key) {
    if (name.relative === own) return;
    // A CNAME there would hand the name's certificates to somebody else.
    if (name.relative === `_acme-challenge.${own}` && type === types.TXT) return;
  }
  const what = `${type === null ? "" : `${typeText(type)} `}${quote(name.relative)} in ${zone}`;
  throw denied("record-owner", `Cannot change ${what}: ${may(settings, actor)}`);
}

/** What `actor` may change, in words: a line each. */
export function describeRights(settings: RightsSettings, actor: Actor): string[] {
  if (actor.limit !== null) {
    const lines = describeLimit(actor.limit);
    if (lines.length === 0 || isForAnyRecord(settings, actor)) return lines;
    const account = describeRights(settings, { ...actor, limit: null });
    return [...lines, `of that only ${account.join(", ") || "nothing"}`];
  }
  if (actor.admin) return ["zones, keys and settings", "all records"];
  if (isForAnyRecord(settings, actor)) return ["all records"];
  const own = ownName(actor);
  if (own === null) return [];
  return [`all types at ${own}.${settings.serviceZone}`, `TXT at _acme-challenge.${own}.${settings.serviceZone}`];
}

function may(settings: RightsSettings, actor: Actor): string {
  if (actor.accountType !== "system") return `${quote(actor.username)} has no admin role`;
  const own = ownName(actor);
  return own === null
    ? `the name of system account ${quote(actor.username)} is no single label, so no record is its own`
    : `system account ${quote(own)} may only change ${quote(own)} and TXT ${
      quote(`_acme-challenge.${own}`)
    } in ${settings.serviceZone}`;
}

/** The name an account owns; null when its name isn't one plain label (`a.b` would own a name below somebody's `b`). */
function ownName({ username, accountType }: Actor): string | null {
  return accountType === "system" && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(username) ? username : null;
}
