/**
 * A firewall rule: which connections and requests it is about, and what becomes of them.
 * Rules are checked here and nowhere else, so that the API and the stored rows obey one rule set.
 * How rules work together stands in firewall/README.md.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { formatCidr, parseCidr } from "./cidr.ts";
import { isCountryCode, meantCountry } from "./country_code.ts";
import { parseHostname } from "./hostname.ts";
import { maxPatternLength, parsePathPattern } from "./request_path.ts";

/** `allow` ends the search, `block` refuses, `limit` refuses what is too often or too many and goes on otherwise. */
export type FirewallAction = "allow" | "block" | "limit";

/** How often one client may: a bucket of `burst` tokens that gets `perSecond` new ones, and gives one each time. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A checked rule. All of its match fields must match; an empty one matches everything. */
export interface FirewallRule {
  /** Name given by the operator; the identity of the rule. */
  readonly id: string;
  /** 0–65535, the lower the earlier; rules of the same priority are read in order of their ids. */
  readonly priority: number;
  readonly enabled: boolean;
  readonly action: FirewallAction;
  /** Name of a listener; "" all. */
  readonly listener: string;
  /** Exact name, or "*.name" for one label more; "" all. */
  readonly hostname: string;
  /** Addresses and networks in their one spelling. */
  readonly cidrs: readonly string[];
  /** ISO 3166-1 alpha-2, or "??" for addresses that the database doesn't know. */
  readonly countries: readonly string[];
  /** Globs in lower case; "" is a request without User-Agent. */
  readonly userAgents: readonly string[];
  /** Globs in the spelling of `pathReadings`. */
  readonly paths: readonly string[];
  /** Limit: per client, which is an IPv4 address or an IPv6 /64. */
  readonly rate: Rate | null;
  /** Limit: connections of one client at once, on all listeners together; 0 any number. */
  readonly maxConnections: number;
  readonly note: string;
}

/** A rule as callers write it. */
export interface FirewallRuleInput extends Omit<FirewallRule, "action"> {
  readonly action: string;
}

/** Where a rule's fields are known: at accept, with the ClientHello, with a request. */
export const gates = ["connection", "hello", "request"] as const;
export type Gate = typeof gates[number];

/** The gate at which a rule is read first: the earliest at which all of its fields are known. */
export function gateOf({ hostname, paths, userAgents }: FirewallRule): Gate {
  if (paths.length > 0 || userAgents.length > 0) return "request";
  return hostname === "" ? "connection" : "hello";
}

/** The order in which rules are read. */
export function compareRules(one: FirewallRule, other: FirewallRule): number {
  return one.priority - other.priority || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}

/** Networks of one rule; country lists of the common feeds stay below it. */
export const maxCidrs = 10_000;
/** Patterns of one rule, of each kind: each is a search through a stranger's text. */
export const maxPatterns = 256;
/** Rules in all: each may be looked at for each request. */
export const maxRules = 1000;
const maxRate = 1_000_000;
// One a day.
const minRate = 1 / 86_400;

/**
 * @param listeners names in the configuration
 * @throws PlatformError `invalid` naming the field, the rule and the value
 */
export function parseFirewallRule(input: FirewallRuleInput, listeners: readonly string[]): FirewallRule {
  const { id, priority, enabled, listener, note } = input;
  if (!/^[a-z0-9-]{1,63}$/.test(id)) {
    throw invalid("id", `must be 1 to 63 letters a–z, digits and hyphens, got ${quote(id)}`);
  }
  whole("priority", priority, 0, 65_535);
  const action = parseAction(input.action);
  if (listener !== "" && !listeners.includes(listener)) {
    throw invalid("listener", `must be one of ${listeners.join(", ")}, or empty for all, got ${quote(listener)}`, {
      hint: 'Listeners are "[[listeners]]" in mcproxy.toml',
    });
  }
  // deno-lint-ignore no-control-regex -- control characters are exactly what is refused
  if (note.length > 500 || /[\u0000-\u001f\u007f]/.test(note)) {
    throw invalid("note", `must be one line of at most 500 characters, got ${note.length}: ${quote(note)}`);
  }
  const rule: FirewallRule = {
    id,
    priority,
    enabled,
    action,
    listener,
    hostname: parseRuleHostname(input.hostname),
    cidrs: distinct("cidrs", input.cidrs, maxCidrs, (text) => formatCidr(parseCidr(text))),
    countries: distinct("countries", input.countries, 300, parseCountry),
    userAgents: distinct("user_agents", input.userAgents, maxPatterns, parseUserAgent),
    paths: distinct("paths", input.paths, maxPatterns, parsePathPattern),
    rate: input.rate === null ? null : parseRate(input.rate),
    maxConnections: whole("max_connections", input.maxConnections, 0, 1_000_000),
    note,
  };
  checkLimits(rule);
  return rule;
}

function checkLimits(rule: FirewallRule): void {
  const { action, rate, maxConnections } = rule;
  if (action !== "limit") {
    const hint = 'Use action = "limit", and a rule of its own for the rest';
    if (rate !== null) throw invalid("rate", `is for rules with action "limit", got it with "${action}"`, { hint });
    if (maxConnections !== 0) {
      throw invalid("max_connections", `is for rules with action "limit", got it with "${action}"`, { hint });
    }
    return;
  }
  if (rate === null && maxConnections === 0) {
    throw invalid("rate", `must be given, or max_connections, in a rule with action "limit"`);
  }
  if (maxConnections !== 0 && gateOf(rule) !== "connection") {
    throw invalid(
      "max_connections",
      "goes with listener, cidrs and countries only, got it with a hostname, path or agent",
      {
        hint: "Connections are counted when they are accepted, before a name or a path is known; use a rate there",
      },
    );
  }
}

function parseAction(text: string): FirewallAction {
  if (text === "allow" || text === "block" || text === "limit") return text;
  throw invalid("action", `must be "allow", "block" or "limit", got ${quote(text)}`);
}

function parseRuleHostname(text: string): string {
  if (text === "") return "";
  return text.startsWith("*.") ? `*.${parseHostname(text.slice(2))}` : parseHostname(text);
}

function parseCountry(text: string): string {
  const code = text.toUpperCase();
  if (isCountryCode(code)) return code;
  const meant = meantCountry(code);
  throw invalid("countries", `must be a two-letter code of ISO 3166-1, or "??" for unknown, got ${quote(text)}`, {
    hint: meant === null ? 'Write "DE" for Germany, "GB" for the United Kingdom' : `Write "${meant}"`,
  });
}

function parseUserAgent(text: string): string {
  if (text.length > maxPatternLength) {
    throw invalid("user_agents", `takes patterns of at most ${maxPatternLength} characters, got ${text.length}`);
  }
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw invalid("user_agents", `must be printable ASCII, got ${quote(text)}`, { hint: "Put ? for other characters" });
  }
  return text.toLowerCase();
}

function parseRate({ perSecond, burst }: Rate): Rate {
  if (!(perSecond >= minRate && perSecond <= maxRate)) {
    throw invalid("rate.per_second", `must be from ${minRate.toFixed(6)} (one a day) to ${maxRate}, got ${perSecond}`);
  }
  return { perSecond, burst: whole("rate.burst", burst, 1, maxRate) };
}

function whole(field: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(field, `must be a whole number from ${least} to ${most}, got ${value}`);
}

/** Each value in its one spelling; a value that is there twice is a mistake. */
function distinct(field: string, values: readonly string[], most: number, read: (text: string) => string): string[] {
  if (values.length > most) {
    throw invalid(field, `takes at most ${most}, got ${values.length}`, { hint: "Divide them among several rules" });
  }
  const seen = new Set<string>();
  for (const value of values) {
    const spelled = read(value);
    if (seen.has(spelled)) throw invalid(field, `${quote(spelled)} is listed twice`);
    seen.add(spelled);
  }
  return [...seen];
}
