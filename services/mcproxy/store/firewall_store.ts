/**
 * Firewall rules in SQLite: the one truth about them.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { quote } from "@lib/errors/mod.ts";
import type { FirewallRuleInput } from "../domain/firewall_rule.ts";
import { checkDelete, checkPut, versionOf } from "./version.ts";

/** A rule as its row says it. */
export interface StoredFirewallRule extends FirewallRuleInput {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: string;
}

/** A rule's place in the order: by priority, then id. */
export interface RulePlace {
  readonly priority: number;
  readonly id: string;
}

export interface FirewallReader {
  /** In the order in which they are read. */
  all(): StoredFirewallRule[];
  get(id: string): StoredFirewallRule | null;
  /** In the order in which they are read; at most `limit`, behind the place `after`. */
  list(after: RulePlace | null, limit: number): StoredFirewallRule[];
}

export interface FirewallWriter extends FirewallReader {
  /**
   * Adds or replaces, and returns the row. Putting what is there already changes nothing.
   * @param expected the version that must be there; "none", or "" for any
   * @throws PlatformError `conflict` for another one
   */
  put(rule: FirewallRuleInput, expected?: string): StoredFirewallRule;
  /**
   * @returns false when there was none
   * @throws PlatformError `conflict` for one of another version than expected
   */
  delete(id: string, expected?: string): boolean;
}

interface Row {
  id: string;
  priority: number;
  enabled: number;
  action: string;
  listener: string;
  hostname: string;
  cidrs: string;
  countries: string;
  user_agents: string;
  paths: string;
  rate_per_second: number | null;
  rate_burst: number | null;
  max_connections: number;
  note: string;
  created_at: number;
  updated_at: number;
}

/** The store on lib/db. */
export class FirewallStore implements FirewallWriter {
  readonly #db: Database;
  readonly #all: Statement<Row>;
  readonly #get: Statement<Row>;
  readonly #list: Statement<Row>;
  readonly #put: Statement<never>;
  readonly #delete: Statement<never>;

  constructor(db: Database) {
    this.#db = db;
    this.#all = db.prepare("SELECT * FROM firewall_rules ORDER BY priority, id");
    this.#get = db.prepare("SELECT * FROM firewall_rules WHERE id = ?");
    this.#list = db.prepare(
      "SELECT * FROM firewall_rules WHERE (priority, id) > (?1, ?2) ORDER BY priority, id LIMIT ?3",
    );
    this.#put = db.prepare(
      `INSERT INTO firewall_rules (id, priority, enabled, action, listener, hostname, cidrs, countries, user_agents, paths,
         rate_per_second, rate_burst, max_connections, note, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15)
       ON CONFLICT (id) DO UPDATE SET
         priority = excluded.priority, enabled = excluded.enabled, action = excluded.action,
         listener = excluded.listener, hostname = excluded.hostname, cidrs = excluded.cidrs,
         countries = excluded.countries, user_agents = excluded.user_agents, paths = excluded.paths,
         rate_per_second = excluded.rate_per_second, rate_burst = excluded.rate_burst,
         max_connections = excluded.max_connections, note = excluded.note, updated_at = excluded.updated_at
       WHERE (priority, enabled, action, listener, hostname, cidrs, countries, user_agents, paths, rate_per_second,
           rate_burst, max_connections, note) IS NOT
         (excluded.priority, excluded.enabled, excluded.action, excluded.listener, excluded.hostname, excluded.cidrs,
           excluded.countries, excluded.user_agents, excluded.paths, excluded.rate_per_second, excluded.rate_burst,
           excluded.max_connections, excluded.note)`,
    );
    this.#delete = db.prepare("DELETE FROM firewall_rules WHERE id = ?");
  }

  all(): StoredFirewallRule[] {
    return this.#all.all().map(toRule);
  }

  get(id: string): StoredFirewallRule | null {
    const row = this.#get.get(id);
    return row === undefined ? null : toRule(row);
  }

  list(after: RulePlace | null, limit: number): StoredFirewallRule[] {
    return this.#list.all(after?.priority ?? -1, after?.id ?? "", limit).map(toRule);
  }

  put(rule: FirewallRuleInput, expected = ""): StoredFirewallRule {
    const columns = columnsOf(rule);
    return this.#db.write((at) => {
      if (expected !== "") checkPut(titleOf(rule.id), expected, this.#versionNow(rule.id), versionOf(columns));
      this.#put.run(rule.id, ...columns, at);
      return toRule(this.#get.get(rule.id)!);
    });
  }

  delete(id: string, expected = ""): boolean {
    return this.#db.write(() => {
      if (expected !== "") checkDelete(titleOf(id), expected, this.#versionNow(id));
      return this.#delete.run(id).changes > 0;
    });
  }

  #versionNow(id: string): string | null {
    return this.get(id)?.version ?? null;
  }
}

function titleOf(id: string): string {
  return `firewall rule ${quote(id)}`;
}

/** What a row has between its id and its times, in the table's order. */
function columnsOf(rule: FirewallRuleInput) {
  return [
    rule.priority,
    rule.enabled ? 1 : 0,
    rule.action,
    rule.listener,
    rule.hostname,
    JSON.stringify(rule.cidrs),
    JSON.stringify(rule.countries),
    JSON.stringify(rule.userAgents),
    JSON.stringify(rule.paths),
    rule.rate?.perSecond ?? null,
    rule.rate?.burst ?? null,
    rule.maxConnections,
    rule.note,
  ] as const;
}

function toRule(row: Row): StoredFirewallRule {
  const { id, created_at: createdAt, updated_at: updatedAt, ...columns } = row;
  const { rate_per_second: perSecond, rate_burst: burst } = columns;
  return {
    id,
    priority: row.priority,
    enabled: row.enabled === 1,
    action: row.action,
    listener: row.listener,
    hostname: row.hostname,
    cidrs: JSON.parse(row.cidrs) as string[],
    countries: JSON.parse(row.countries) as string[],
    userAgents: JSON.parse(row.user_agents) as string[],
    paths: JSON.parse(row.paths) as string[],
    rate: perSecond === null || burst === null ? null : { perSecond, burst },
    maxConnections: row.max_connections,
    note: row.note,
    createdAt,
    updatedAt,
    // The columns in the table's order, as `columnsOf` has them.
    version: versionOf(Object.values(columns)),
  };
}
