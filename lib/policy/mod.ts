/**
 * The one priority-rule evaluator: rules, globs, decisions and their
 * explanation, and the table that keeps rules in a service's database.
 * @module
 */
export { globMatches, globProblem, type Separator } from "./glob.ts";
export { type Effect, maxPriority, type ParseOptions, parseRule, type Rule, type RuleInput } from "./rule.ts";
export {
  type Considered,
  type Decision,
  evaluate,
  type EvaluateOptions,
  explain,
  type Explanation,
  inOrder,
  requireAllowed,
  type Subject,
} from "./evaluate.ts";
export { type RuleReader, RuleTable, ruleTableMigration } from "./rule_table.ts";
