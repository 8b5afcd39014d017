/** Who may do what to which repository. */
import { type Caller, isAdmin } from "@lib/auth/mod.ts";
import { quote } from "@lib/errors/mod.ts";
import { type Decision, evaluate, parseRule, type Rule } from "@lib/policy/mod.ts";
import { type Action, actions } from "./domain/scope.ts";

/** The actions that rules may name. */
export const ruleActions: readonly string[] = actions;

/** The rules of a new registry; the operator sees them and may remove them. */
export const seedRules: readonly Rule[] = [
  {
    id: "seed-users-pull",
    description: "any user pulls everything",
    accountTypes: ["human"],
    roles: ["user"],
    actions: ["pull"],
    resources: ["**"],
  },
  {
    id: "seed-system-accounts-own",
    description: "a system account pulls and pushes the repository of its name and those below it",
    accountTypes: ["system"],
    actions: ["pull", "push"],
    resources: ["{account}", "{account}/**"],
  },
  {
    id: "seed-agent-pulls",
    description: "the agent pulls everything",
    accounts: ["mcp-agent"],
    accountTypes: ["system"],
    actions: ["pull"],
    resources: ["**"],
  },
].map((rule) => parseRule({ ...rule, priority: 1000, effect: "allow" }));

/** Who asks; a `Caller` is one, and so is what a registry token says of its holder. */
export type Asker = Pick<Caller, "username" | "accountType"> & { readonly roles: readonly string[] };

/** Decides by the rules; role admin (of a human) or the local operator bypasses them. */
export function decide(rules: readonly Rule[], asker: Asker, action: Action, repository: string): Decision {
  if (isAdmin({ ...asker, subject: "", tokenId: "", roles: [...asker.roles] })) {
    return { allowed: true, ruleId: "", reason: `${quote(asker.username)} is an admin` };
  }
  return evaluate(rules, asker, action, repository);
}
