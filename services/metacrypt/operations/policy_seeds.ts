/**
 * The rules that a new database begins with, made of `[policy]`.
 * @module
 */
import { parseRule, type Rule, type RuleInput } from "@lib/policy/mod.ts";
import { parseSubjectName } from "@lib/pki/mod.ts";
import type { Config } from "../config.ts";
import { certificateActions, oneLabelBelow } from "../domain/certificate_name.ts";

/** @throws invalid, naming the setting, when a name in it is none */
export function seedRules(policy: Config["policy"]): Rule[] {
  const { service_zone, agent_account, public_names, companion_names } = policy;
  const zone = parseSubjectName(service_zone, { field: "policy.service_zone" }).value;
  const named = (names: readonly string[], field: string) =>
    names.map((each) => parseSubjectName(each, { field }).value);
  const rules: RuleInput[] = [{
    id: "agent-service-zone",
    description: `${agent_account} certifies the services of ${zone}`,
    actions: ["issue", "revoke", "read"],
    resources: [oneLabelBelow(zone)],
  }];
  if (public_names.length > 0) {
    rules.push({
      id: "agent-public-names",
      description: `${agent_account} certifies the listed public names`,
      actions: ["issue", "revoke", "read"],
      resources: named(public_names, "policy.public_names"),
    });
  }
  if (companion_names.length > 0) {
    rules.push({
      id: "agent-companions",
      description: `${agent_account} adds these names to a service's own`,
      actions: ["accompany"],
      resources: named(companion_names, "policy.companion_names"),
    });
  }
  const common = {
    priority: 1000,
    effect: "allow",
    accounts: [agent_account],
    accountTypes: ["system"],
    enabled: true,
  };
  return rules.map((rule) => parseRule({ ...common, ...rule }, { field: "policy", actions: certificateActions }));
}
