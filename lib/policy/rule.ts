/**
 * A rule of the evaluator, as in proto/metacircular/v1/policy.proto. An empty
 * list matches everything.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { globProblem } from "./glob.ts";

export type Effect = "allow" | "deny";

/** A rule that was checked; make one with `parseRule`. */
export interface Rule {
  readonly id: string;
  /** 0 to 1,000,000; the lowest number that matches decides. */
  readonly priority: number;
  readonly effect: Effect;
  /** Usernames. */
  readonly accounts: readonly string[];
  /** "admin", "user", "guest"; one of them is enough. */
  readonly roles: readonly string[];
  /** "human", "system". */
  readonly accountTypes: readonly string[];
  readonly actions: readonly string[];
  /** Globs, see `globMatches`. */
  readonly resources: readonly string[];
  readonly description: string;
  readonly enabled: boolean;
}

/** A rule as it comes from a request, a config or a seed; the generated `PolicyRule` message is one. */
export interface RuleInput {
  readonly id?: string;
  readonly priority?: number;
  readonly effect?: string;
  readonly accounts?: readonly string[];
  readonly roles?: readonly string[];
  readonly accountTypes?: readonly string[];
  readonly actions?: readonly string[];
  readonly resources?: readonly string[];
  readonly description?: string;
  /** Default true when absent; a protobuf message always has it. */
  readonly enabled?: boolean;
}

export interface ParseOptions {
  /** Prefix of the field in errors; default "rule". */
  readonly field?: string;
  /** The service's actions; a rule that names another one is refused. Default: any well-formed word. */
  readonly actions?: readonly string[];
}

/** Highest priority number of a rule. */
export const maxPriority = 1_000_000;

const idPattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const usernamePattern = /^[a-z][a-z0-9._-]{0,62}$/;
const actionPattern = /^[a-z][a-z0-9_.:-]{0,62}$/;
/** A list longer than this is better said as a role. */
const maxEntries = 100;
const maxDescriptionCharacters = 500;

/**
 * Checks a rule. An empty or absent `id` gets a random UUID.
 * @throws PlatformError invalid, naming the field (`rule.resources[2]`) and the value
 */
export function parseRule(input: RuleInput, options: ParseOptions = {}): Rule {
  const field = options.field ?? "rule";
  const id = input.id === undefined || input.id === "" ? crypto.randomUUID() : input.id;
  if (!idPattern.test(id)) throw invalid(`${field}.id`, `${quote(id)} does not match [a-z0-9][a-z0-9._-]{0,63}`);
  const priority = input.priority ?? 0;
  if (!Number.isSafeInteger(priority) || priority < 0 || priority > maxPriority) {
    throw invalid(`${field}.priority`, `${quote(priority)} is not a whole number from 0 to ${maxPriority}`);
  }
  const effect = input.effect ?? "";
  if (effect !== "allow" && effect !== "deny") {
    throw invalid(`${field}.effect`, `${quote(effect)} is neither "allow" nor "deny"`);
  }
  const description = input.description ?? "";
  if (description.length > maxDescriptionCharacters) {
    throw invalid(
      `${field}.description`,
      `has ${description.length} characters, at most ${maxDescriptionCharacters} are allowed`,
    );
  }
  const known = options.actions;
  return {
    id,
    priority,
    effect,
    description,
    enabled: input.enabled ?? true,
    accounts: list(
      `${field}.accounts`,
      input.accounts,
      (value) => usernamePattern.test(value) ? null : "is not a username ([a-z][a-z0-9._-]{0,62})",
    ),
    roles: list(`${field}.roles`, input.roles, oneOf(["admin", "user", "guest"])),
    accountTypes: list(`${field}.account_types`, input.accountTypes, oneOf(["human", "system"])),
    actions: list(
      `${field}.actions`,
      input.actions,
      known !== undefined
        ? oneOf(known)
        : (value) => actionPattern.test(value) ? null : "is not an action ([a-z][a-z0-9_.:-]{0,62})",
    ),
    resources: list(`${field}.resources`, input.resources, globProblem),
  };
}

/** Checks each entry, drops repetitions, keeps the order. */
function list(
  field: string,
  values: readonly string[] | undefined,
  problem: (value: string) => string | null,
): readonly string[] {
  if (values === undefined) return [];
  if (values.length > maxEntries) {
    throw invalid(field, `has ${values.length} entries, at most ${maxEntries} are allowed`);
  }
  values.forEach((value, index) => {
    const wrong = problem(value);
    if (wrong !== null) throw invalid(`${field}[${index}]`, `${quote(value)} ${wrong}`);
  });
  return [...new Set(values)];
}

function oneOf(allowed: readonly string[]): (value: string) => string | null {
  return (value) => allowed.includes(value) ? null : `is none of ${allowed.map(quote).join(", ")}`;
}
