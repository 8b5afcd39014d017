/**
 * Rules in a service's own SQLite database, for the services whose policy is
 * editable. A service adds `ruleTableMigration` to its migrations, makes one
 * `RuleTable` in its store and calls the writing methods inside `db.write`, so
 * that a change and its audit row commit together:
 *
 * ```ts
 * const db = openDatabase({ migrations: [ruleTableMigration, { name: "001_…", sql }], … });
 * const rules = new RuleTable(db);
 * db.write((at) => rules.seed(seedRules, at));
 * const rule = parseRule(request.rule, { actions: ["pull", "push"] });
 * db.write((at) => { rules.put(rule, at); audit.record(at, { … }); });
 * const decision = evaluate(rules.list(), caller, "push", "infra/mcq");
 * ```
 *
 * `list` reads the table; a hot path keeps the answer in memory and replaces it
 * in the call that commits.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { notFound } from "@lib/errors/mod.ts";
import { parseRule, type Rule } from "./rule.ts";

/** The tables; give it to `openDatabase` among the service's migrations. */
export const ruleTableMigration = {
  name: "policy_001_rules",
  sql: `
    CREATE TABLE policy_rules (
      id TEXT PRIMARY KEY,
      priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 1000000),
      effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
      -- JSON: {accounts, roles, accountTypes, actions, resources}, each a list of strings
      matches TEXT NOT NULL,
      description TEXT NOT NULL,
      enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
      created_at INTEGER NOT NULL, -- ms since the epoch
      updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX policy_rules_order ON policy_rules (priority, id);
    -- Seeds that were planted once: one that the operator removed stays removed.
    CREATE TABLE policy_seeds (id TEXT PRIMARY KEY, planted_at INTEGER NOT NULL) STRICT;
  `,
} as const;

interface Row {
  id: string;
  priority: number;
  effect: string;
  matches: string;
  description: string;
  enabled: number;
}

/** Reads rules. */
export interface RuleReader {
  /** Every rule, by priority and id. */
  list(): Rule[];
  /** @throws PlatformError not_found */
  get(id: string): Rule;
}

/** Reads and writes rules; see the module's text. */
export class RuleTable implements RuleReader {
  readonly #list: Statement<Row>;
  readonly #get: Statement<Row>;
  readonly #put: Statement<Row>;
  readonly #delete: Statement<Row>;
  readonly #plant: Statement<Row>;

  constructor(db: Database) {
    const columns = "id, priority, effect, matches, description, enabled";
    this.#list = db.prepare<Row>(`SELECT ${columns} FROM policy_rules ORDER BY priority, id`);
    this.#get = db.prepare<Row>(`SELECT ${columns} FROM policy_rules WHERE id = ?`);
    this.#put = db.prepare<Row>(
      `INSERT INTO policy_rules (${columns}, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET priority = excluded.priority, effect = excluded.effect, matches = excluded.matches,
         description = excluded.description, enabled = excluded.enabled, updated_at = excluded.updated_at`,
    );
    this.#delete = db.prepare<Row>("DELETE FROM policy_rules WHERE id = ?");
    this.#plant = db.prepare<Row>("INSERT OR IGNORE INTO policy_seeds (id, planted_at) VALUES (?, ?)");
  }

  list(): Rule[] {
    return this.#list.all().map(ruleOf);
  }

  get(id: string): Rule {
    const row = this.#get.get(id);
    if (row === undefined) throw notFound("policy rule", id);
    return ruleOf(row);
  }

  /** Creates or replaces the rule of that id. Inside `db.write`; `at` in ms since the epoch. */
  put(rule: Rule, at: number): Rule {
    const { accounts, roles, accountTypes, actions, resources } = rule;
    const matches = JSON.stringify({ accounts, roles, accountTypes, actions, resources });
    this.#put.run(rule.id, rule.priority, rule.effect, matches, rule.description, rule.enabled ? 1 : 0, at, at);
    return rule;
  }

  /**
   * Removes a rule. Inside `db.write`.
   * @throws PlatformError not_found
   */
  delete(id: string): void {
    if (this.#delete.run(id).changes === 0) throw notFound("policy rule", id);
  }

  /**
   * Puts in the rules whose ids were never planted in this database, so that
   * running it at every start changes nothing and a removed seed stays removed.
   * Inside `db.write`.
   * @returns the rules that were new
   */
  seed(rules: readonly Rule[], at: number): Rule[] {
    return rules.filter((rule) => this.#plant.run(rule.id, at).changes > 0).map((rule) => this.put(rule, at));
  }
}

/** A row that no longer passes the check is a defect of the database, and refuses loudly. */
function ruleOf(row: Row): Rule {
  const { matches, enabled, ...rest } = row;
  return parseRule({ ...rest, ...JSON.parse(matches), enabled: enabled === 1 }, { field: `policy_rules ${row.id}` });
}
