/**
 * Globs over resources: `*` stands for any run of characters within one
 * segment (an empty run too), `**` for any run across segments, `{account}`
 * for the caller's username; every other character stands for itself.
 * @module
 */

/** What divides a resource into segments: "/" for repository paths, "." for DNS names. */
export type Separator = "/" | ".";

const accountPlaceholder = "{account}";

/**
 * Whether `value` as a whole matches `pattern`, comparing case-sensitively.
 *
 * With separator ".", `*.svc.example.net` matches `mcq.svc.example.net` and not
 * `a.mcq.svc.example.net`. A `*` in the value is an ordinary character, so the
 * wildcard name `*.svc.example.net` matches that pattern too: whoever may have
 * every single name may have the wildcard.
 *
 * An account whose name holds the separator never matches `{account}`:
 * otherwise the account `x.mcq` would own a name below that of `mcq`.
 *
 * Takes time proportional to pattern length × value length, whatever the pattern.
 */
export function globMatches(pattern: string, value: string, account: string, separator: Separator = "/"): boolean {
  if (pattern.includes(accountPlaceholder) && (account === "" || account.includes(separator))) return false;
  // reachable[i]: the pattern read so far can match the first i characters of the value.
  let reachable = new Array<boolean>(value.length + 1).fill(false);
  reachable[0] = true;
  for (const token of tokens(pattern, account)) {
    const next = new Array<boolean>(value.length + 1).fill(false);
    if (token.kind === "literal") {
      const { text } = token;
      for (let i = 0; i + text.length <= value.length; i++) {
        if (reachable[i] && value.startsWith(text, i)) next[i + text.length] = true;
      }
    } else {
      let open = false;
      for (let i = 0; i <= value.length; i++) {
        if (token.kind === "segment" && i > 0 && value[i - 1] === separator) open = false;
        open ||= reachable[i] === true;
        next[i] = open;
      }
    }
    reachable = next;
  }
  return reachable[value.length] === true;
}

type Token = { kind: "literal"; text: string } | { kind: "segment" } | { kind: "any" };

function tokens(pattern: string, account: string): Token[] {
  const result: Token[] = [];
  for (const [part] of pattern.matchAll(/\*\*|\*|\{account\}|[^*{]+|\{/g)) {
    if (part === "**") result.push({ kind: "any" });
    else if (part === "*") result.push({ kind: "segment" });
    else result.push({ kind: "literal", text: part === accountPlaceholder ? account : part });
  }
  return result;
}

/** Why `pattern` is not a glob, as the end of a sentence, or null when it is one. */
export function globProblem(pattern: string): string | null {
  if (pattern.length === 0) return "is empty; use ** for every resource";
  if (pattern.length > 256) return `has ${pattern.length} characters, at most 256 are allowed`;
  // deno-lint-ignore no-control-regex -- control characters are exactly what is refused
  if (/[\s\u0000-\u001f\u007f]/.test(pattern)) return "holds white space or a control character";
  if (/\*{3,}/.test(pattern)) return "has more than two * in a row";
  if (/[{}]/.test(pattern.replaceAll(accountPlaceholder, ""))) return "has { or } outside of {account}";
  return null;
}
