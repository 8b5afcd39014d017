/** Firewall rules: reading them, putting them back changed, and in words. */
import { create } from "@bufbuild/protobuf";
import { type CliContext, facts, fetchPages, jsonOf, printJson, time } from "@lib/cli/mod.ts";
import { notFound, PlatformError } from "@lib/errors/mod.ts";
import { type Column, table } from "@lib/terminal/mod.ts";
import { type FirewallRule, FirewallRuleSchema, ListRulesResponseSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { rateText } from "./amounts.ts";
import type { Mcproxy, ServerFlags } from "./connection.ts";
import { changeLatest } from "./latest.ts";

// What a proxy takes.
const maxRules = 1000;

/** In the order in which they are asked. */
export async function allRules({ firewall }: Mcproxy): Promise<FirewallRule[]> {
  const { items } = await fetchPages(maxRules, async (page) => {
    const { rules: items, nextPageToken } = await firewall.listRules(page);
    return { items, nextPageToken };
  });
  return items;
}

/** @throws PlatformError not_found */
export async function findRule({ firewall }: Mcproxy, id: string): Promise<FirewallRule> {
  try {
    return await firewall.getRule({ id });
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "not_found") throw error;
    throw notFound("firewall rule", id, { hint: "mcproxyctl firewall list shows those that there are." });
  }
}

/** Reads a rule, changes it and puts it back. */
export async function changeRule(
  proxy: Mcproxy,
  id: string,
  change: Pick<FirewallRule, "disabled">,
): Promise<FirewallRule> {
  return await changeLatest(
    () => findRule(proxy, id),
    (rule) => proxy.firewall.putRule({ ...settingsOf(rule), ...change, expectedVersion: rule.version }),
  );
}

/** A rule as a put takes it. */
export function settingsOf(rule: FirewallRule) {
  const {
    $typeName: _,
    $unknown: _unknown,
    createdAt: _created,
    updatedAt: _updated,
    hits: _hits,
    version: _version,
    ...settings
  } = rule;
  return settings;
}

/** Long lists are told by their length: a block list has thousands of networks. */
const shownValues = 3;

const columns: readonly Column<FirewallRule>[] = [
  { heading: "priority", cell: ({ priority }) => String(priority), align: "right" },
  { heading: "rule", cell: ({ id }) => id },
  { heading: "action", cell: (rule) => rule.disabled ? `${rule.action}, disabled` : rule.action },
  { heading: "of", cell: subjectText },
  { heading: "above", cell: limitText },
  { heading: "hits", cell: ({ hits }) => String(hits), align: "right" },
  { heading: "note", cell: ({ note }) => note },
];

/** Whom and what a rule is about. */
export function subjectText(rule: FirewallRule): string {
  const parts = [
    ["", rule.cidrs],
    ["country ", rule.countries],
    ["listener ", rule.listener === "" ? [] : [rule.listener]],
    ["host ", rule.hostname === "" ? [] : [rule.hostname]],
    ["path ", rule.paths],
    ["agent ", rule.userAgents.map((pattern) => JSON.stringify(pattern))],
  ] as const;
  return parts.filter(([, values]) => values.length > 0).map(([what, values]) => what + some(values)).join("; ") ||
    "everybody";
}

/** All that is set on a rule, a line each. */
export function ruleFacts(rule: FirewallRule): [name: string, value: string][] {
  const rows: [string, string][] = [
    ["rule", rule.id],
    ["action", rule.disabled ? `${rule.action}, disabled` : rule.action],
    ["priority", String(rule.priority)],
    ...lines("of", rule.cidrs),
    ["countries", rule.countries.join(" ")],
    ["listener", rule.listener],
    ["host", rule.hostname],
    ...lines("paths", rule.paths),
    ...lines("agents", rule.userAgents.map((pattern) => JSON.stringify(pattern))),
    ["above", limitText(rule)],
    ["note", rule.note],
    ["hits", String(rule.hits)],
    ["created", time(rule.createdAt)],
    ["changed", time(rule.updatedAt)],
    ["version", rule.version],
  ];
  return rows.filter(([, value]) => value !== "");
}

function lines(name: string, values: readonly string[]): [name: string, value: string][] {
  return values.map((value, i) => [i === 0 ? name : "", value]);
}

function some(values: readonly string[]): string {
  const left = values.length - shownValues;
  // "and 1 more" is as long as the one.
  return left <= 1 ? values.join(", ") : `${values.slice(0, shownValues).join(", ")} and ${left} more`;
}

function limitText({ rate, maxConnections }: FirewallRule): string {
  return [
    ...(rate === undefined ? [] : [`${rateText(rate.perSecond)}, ${rate.burst} at once`]),
    ...(maxConnections === 0 ? [] : [`${maxConnections} connections`]),
  ].join("; ");
}

export function showRules(context: CliContext, flags: ServerFlags, rules: FirewallRule[]): void {
  if (!flags.json) return context.print(table(rules, columns));
  printJson(context, jsonOf(ListRulesResponseSchema, create(ListRulesResponseSchema, { rules })));
}

export function showRule(context: CliContext, flags: ServerFlags, rule: FirewallRule): void {
  if (flags.json) printJson(context, jsonOf(FirewallRuleSchema, rule));
  else context.print(table([rule], columns));
}

export function showWholeRule(context: CliContext, flags: ServerFlags, rule: FirewallRule): void {
  if (flags.json) printJson(context, jsonOf(FirewallRuleSchema, rule));
  else context.print(facts(ruleFacts(rule)));
}
