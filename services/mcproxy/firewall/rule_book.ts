/**
 * The rules as they are enforced: the store's rows, checked against the configuration. Every change goes through here:
 * check, then store, then firewall, in one call without a gap, so that a change holds when the call returns.
 * @module
 */
import { conflict, messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type FirewallRule, type FirewallRuleInput, maxRules, parseFirewallRule } from "../domain/firewall_rule.ts";
import type { FirewallWriter, StoredFirewallRule } from "../store/firewall_store.ts";
import type { Firewall } from "./firewall.ts";

export interface RuleBookOptions {
  store: FirewallWriter;
  firewall: Pick<Firewall, "replace">;
  /** Their names, as they are now. */
  listeners(): readonly string[];
  log: Logger;
}

/** See the module. */
export class RuleBook {
  readonly #options: RuleBookOptions;
  #rules = new Map<string, FirewallRule>();
  /** Rows that the configuration doesn't permit (any more), by id, with the reason. */
  #unenforced = new Map<string, string>();

  constructor(options: RuleBookOptions) {
    this.#options = options;
  }

  /** Why rows of the store are not enforced, in words for an operator. */
  get unenforced(): readonly string[] {
    return [...this.#unenforced].map(([id, reason]) => `firewall rule ${id}: ${reason}`);
  }

  /**
   * Adds or replaces a rule; idempotent.
   * @param expected the version that it replaces, "none", or "" for any
   * @throws PlatformError `invalid` for a bad field, `conflict` when there are too many or another version is there;
   *   nothing is changed then
   */
  put(input: FirewallRuleInput, expected = ""): StoredFirewallRule {
    const { store, listeners, log } = this.#options;
    const rule = parseFirewallRule(input, listeners());
    if (!this.#rules.has(rule.id) && this.#rules.size >= maxRules) {
      throw conflict(`Cannot add rule "${rule.id}": there are ${maxRules} already`, {
        hint: "Delete rules, or put the networks of several into one",
      });
    }
    const stored = store.put(rule, expected);
    this.#unenforced.delete(rule.id);
    this.#rules.set(rule.id, rule);
    this.#enforce();
    log.info("Firewall rule set", {
      rule: rule.id,
      action: rule.action,
      priority: rule.priority,
      enabled: rule.enabled,
    });
    return stored;
  }

  /**
   * @param expected as for `put`
   * @returns false when there was none
   * @throws PlatformError `conflict` for another version
   */
  delete(id: string, expected = ""): boolean {
    const deleted = this.#options.store.delete(id, expected);
    this.#rules.delete(id);
    this.#unenforced.delete(id);
    this.#enforce();
    if (deleted) this.#options.log.info("Firewall rule deleted", { rule: id });
    return deleted;
  }

  /** Makes memory what the store says: at start, and when another process has changed it. */
  reload(): void {
    const { store, listeners, log } = this.#options;
    const rules = new Map<string, FirewallRule>();
    const unenforced = new Map<string, string>();
    const names = listeners();
    for (const row of store.all()) {
      try {
        rules.set(row.id, parseStored(row, names, this.#rules.get(row.id)));
      } catch (error) {
        unenforced.set(row.id, messageOf(error));
        if (this.#unenforced.get(row.id) !== messageOf(error)) {
          log.error("Stored firewall rule can't be enforced with this configuration; it is kept", {
            rule: row.id,
            reason: error,
          });
        }
      }
    }
    this.#rules = rules;
    this.#unenforced = unenforced;
    this.#enforce();
  }

  #enforce(): void {
    this.#options.firewall.replace([...this.#rules.values()]);
  }
}

/**
 * As `parseFirewallRule`, but networks that were there before aren't read again, and stay the same object for the
 * firewall to know them by: other tables of the database change, too, and none of that should cost what reading 100,000
 * networks does.
 */
function parseStored(
  row: StoredFirewallRule,
  listeners: readonly string[],
  before: FirewallRule | undefined,
): FirewallRule {
  const isSame = before !== undefined && before.cidrs.length === row.cidrs.length &&
    before.cidrs.every((cidr, i) => cidr === row.cidrs[i]);
  return isSame
    ? { ...parseFirewallRule({ ...row, cidrs: [] }, listeners), cidrs: before.cidrs }
    : parseFirewallRule(row, listeners);
}
