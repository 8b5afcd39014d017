/**
 * A firewall rule as its form holds it.
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalid, quote } from "@lib/errors/mod.ts";
import type { Form } from "@lib/web/mod.ts";
import type { FirewallRule, PutRuleRequestSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { linesOf, wordsOf } from "./desk.ts";
import { whole } from "./route_draft.ts";

/** The form's fields; "1" for a ticked box. */
export const ruleFields = [
  "id",
  "priority",
  "enabled",
  "action",
  "listener",
  "hostname",
  "cidrs",
  "countries",
  "user_agents",
  "paths",
  "rate",
  "burst",
  "max_connections",
  "note",
] as const;
export type RuleDraft = Readonly<Record<typeof ruleFields[number], string>>;

export const emptyRule: RuleDraft = {
  ...Object.fromEntries(ruleFields.map((field) => [field, ""])) as RuleDraft,
  // In the middle, so that others fit before and behind it.
  priority: "100",
  enabled: "1",
  action: "block",
};

export function ruleDraftOf(rule: FirewallRule): RuleDraft {
  const { rate } = rule;
  return {
    id: rule.id,
    priority: String(rule.priority),
    enabled: rule.disabled ? "" : "1",
    action: rule.action,
    listener: rule.listener,
    hostname: rule.hostname,
    cidrs: rule.cidrs.join("\n"),
    countries: rule.countries.join(" "),
    user_agents: rule.userAgents.join("\n"),
    paths: rule.paths.join("\n"),
    rate: rate === undefined ? "" : String(rate.perSecond),
    burst: rate === undefined ? "" : String(rate.burst),
    max_connections: rule.maxConnections === 0 ? "" : String(rule.maxConnections),
    note: rule.note,
  };
}

export function ruleDraftFrom(form: Form): RuleDraft {
  return Object.fromEntries(
    ruleFields.map((field) => [field, (form.optional(field) ?? "").replaceAll("\r\n", "\n").trim()]),
  ) as RuleDraft;
}

/** @throws PlatformError `invalid` for what isn't a number */
export function ruleRequestOf(draft: RuleDraft): MessageInitShape<typeof PutRuleRequestSchema> {
  return {
    id: draft.id,
    priority: whole(draft.priority, "priority"),
    disabled: draft.enabled === "",
    action: draft.action,
    listener: draft.listener,
    hostname: draft.hostname,
    cidrs: wordsOf(draft.cidrs),
    countries: wordsOf(draft.countries).map((code) => code.toUpperCase()),
    userAgents: linesOf(draft.user_agents),
    paths: linesOf(draft.paths),
    ...(draft.rate + draft.burst === "" ? {} : {
      rate: { perSecond: decimal(draft.rate, "rate"), burst: whole(draft.burst, "burst") },
    }),
    maxConnections: whole(draft.max_connections, "max_connections"),
    note: draft.note,
  };
}

function decimal(text: string, field: string): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value)) return value;
  throw invalid(field, `must be a number, got ${quote(text)}`);
}
