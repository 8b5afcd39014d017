import assert from "node:assert/strict";
import { globMatches, globProblem, type Separator } from "./glob.ts";

Deno.test("globMatches reads * within a segment, ** across, {account} as the caller", () => {
  // pattern, value, separator, matches; the account is "mcq"
  const table: [string, string, Separator, boolean][] = [
    ["infra/mcq", "infra/mcq", "/", true],
    ["infra/mcq", "infra/mcq2", "/", false],
    ["infra/mcq", "x/infra/mcq", "/", false],
    ["infra/*", "infra/mcq", "/", true],
    ["infra/*", "infra/mcq-1.2", "/", true],
    ["infra/*", "infra/a/b", "/", false],
    ["infra/*", "infra/", "/", true], // an empty run too; a repository name can't end so
    ["infra/**", "infra/a/b", "/", true],
    ["infra/**", "infra", "/", false],
    ["*", "mcq", "/", true],
    ["*", "infra/mcq", "/", false],
    ["**", "infra/mcq", "/", true],
    ["**", "", "/", true],
    ["*/mcq", "infra/mcq", "/", true],
    ["**/mcq", "a/b/mcq", "/", true],
    ["a*b*c", "axxbyyc", "/", true],
    ["a*b*c", "axxb/yyc", "/", false],
    ["{account}", "mcq", "/", true],
    ["{account}/**", "mcq/web", "/", true],
    ["{account}/**", "mcqx/web", "/", false],
    ["*.svc.mcp.metacircular.net", "mcq.svc.mcp.metacircular.net", ".", true],
    ["*.svc.mcp.metacircular.net", "a.mcq.svc.mcp.metacircular.net", ".", false],
    ["*.svc.mcp.metacircular.net", "svc.mcp.metacircular.net", ".", false],
    ["**.mcp.metacircular.net", "a.b.mcp.metacircular.net", ".", true],
    ["{account}.svc.mcp.metacircular.net", "mcq.svc.mcp.metacircular.net", ".", true],
    ["{account}.svc.mcp.metacircular.net", "mcr.svc.mcp.metacircular.net", ".", false],
    ["mcq.svc", "mcqxsvc", ".", false], // a dot is no wildcard
    ["MCQ", "mcq", ".", false],
  ];
  for (const [pattern, value, separator, expected] of table) {
    assert.equal(globMatches(pattern, value, "mcq", separator), expected, `${pattern} on ${value} by ${separator}`);
  }
});

Deno.test("globMatches never takes {account} for a name below another's", () => {
  assert.equal(globMatches("{account}.svc", "x.mcq.svc", "x.mcq", "."), false);
  assert.equal(globMatches("{account}/**", "x.mcq/web", "x.mcq", "/"), true);
  assert.equal(globMatches("{account}/**", "/web", "", "/"), false);
});

Deno.test("globMatches stays quick on patterns that make backtracking matchers explode", () => {
  assert.equal(globMatches("*a".repeat(120), "a".repeat(1000) + "b", "mcq"), false);
});

Deno.test("globProblem names what is wrong", () => {
  const table: [string, RegExp | null][] = [
    ["infra/*", null],
    ["**", null],
    ["{account}/**", null],
    ["", /is empty; use \*\*/],
    ["a b", /white space/],
    ["a\u0000b", /control character/],
    ["***", /more than two \*/],
    ["{user}/x", /outside of \{account\}/],
    ["a}", /outside of \{account\}/],
    ["x".repeat(257), /257 characters, at most 256/],
  ];
  for (const [pattern, expected] of table) {
    const problem = globProblem(pattern);
    if (expected === null) assert.equal(problem, null, pattern);
    else assert.match(problem ?? "", expected, pattern);
  }
});
