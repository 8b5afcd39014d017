/** Reading and changing the rules. */
import type { AuditLog } from "@lib/audit/mod.ts";
import { implement, type Operation } from "@lib/contract/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { parseRule, type RuleTable } from "@lib/policy/mod.ts";
import { PolicyService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { certificateActions } from "../domain/certificate_name.ts";
import type { Transactions } from "../store/transactions.ts";
import { actorOf } from "./actor.ts";
import { adminRule, decideOne } from "./authorisation.ts";

export function policyOperations(db: Transactions, rules: RuleTable, audit: AuditLog): Operation[] {
  return implement(PolicyService, {
    listRules: () => ({ rules: rules.list().map(ruleMessage) }),
    putRule: (request, call) => {
      if (request.rule === undefined) throw invalid("rule", "a rule is needed");
      const rule = parseRule(request.rule, { actions: certificateActions });
      const { username: actor, remote } = actorOf(call);
      db.write((at) => {
        rules.put(rule, at);
        const detail = `${rule.effect} ${rule.priority} ${rule.actions.join(",")} ${rule.resources.join(" ")}`;
        audit.record(at, { actor, remote, action: "rule.put", target: rule.id, detail });
      });
      return ruleMessage(rule);
    },
    deleteRule: ({ id }, call) => {
      const { username: actor, remote } = actorOf(call);
      db.write((at) => {
        rules.delete(id);
        audit.record(at, { actor, remote, action: "rule.delete", target: id });
      });
      return {};
    },
    checkPolicy: ({ username, accountType, roles, action, resource }) => {
      const asked = certificateActions.find((each) => each === action);
      if (asked === undefined) {
        throw invalid("action", `must be one of ${certificateActions.join(", ")}: ${quote(action)}`);
      }
      const admin = accountType !== "system" && roles.includes("admin");
      const decision = decideOne(rules.list(), { username, accountType, roles }, admin, asked, resource);
      return { ...decision, ruleId: decision.ruleId === adminRule ? "" : decision.ruleId };
    },
  });
}

/** The generated message's lists are mutable. */
function ruleMessage(rule: ReturnType<typeof parseRule>) {
  const { accounts, roles, accountTypes, actions, resources } = rule;
  return {
    ...rule,
    accounts: [...accounts],
    roles: [...roles],
    accountTypes: [...accountTypes],
    actions: [...actions],
    resources: [...resources],
  };
}
