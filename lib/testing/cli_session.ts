/**
 * Tests of command lines in their own notation: a terminal's session.
 *
 * ```
 * $ mcnsctl zone show nowhere.org
 * mcnsctl: No zone "nowhere.org"
 *   List the zones, or create it.
 * [1]
 * ```
 *
 * After a line that begins with "$ " comes what the command prints, standard output before standard error, and in
 * brackets its exit code unless that is 0. "…" stands for any characters of a line that differ from run to run.
 */
import assert from "node:assert/strict";
import type { Ran } from "./run.ts";

interface Step {
  readonly line: string;
  readonly words: string[];
  readonly expected: string;
}

/**
 * Plays a session and compares each command's output.
 * @param programs by the first word of their command lines; they get the other words
 */
export async function playSession(
  session: string,
  programs: Readonly<Record<string, (...words: string[]) => Promise<Ran>>>,
): Promise<void> {
  const steps = stepsOf(session);
  assert.notEqual(steps.length, 0, "a session has command lines, which begin with $");
  for (const { line, words: [name = "", ...words], expected } of steps) {
    const program = programs[name];
    assert.ok(program, `no program ${name} in this session: ${line}`);
    const { code, stdout, stderr } = await program(...words);
    const got = (stdout + stderr).replace(/([^\n])$/, "$1\n") + (code === 0 ? "" : `[${code}]\n`);
    if (!patternOf(expected).test(got)) assert.equal(`${line}\n${got}`, `${line}\n${expected}`);
  }
}

function stepsOf(session: string): Step[] {
  const steps: Step[] = [];
  for (const part of `\n${session.trim()}\n`.split("\n$ ").slice(1)) {
    const [line = "", ...output] = part.split("\n");
    // An empty line before the next command is for the eye.
    const expected = output.join("\n").replace(/\n+$/, "\n").replace(/^\n$/, "");
    steps.push({
      line: `$ ${line}`,
      words: wordsOf(line),
      expected: expected === "" ? "" : expected.replace(/\n?$/, "\n"),
    });
  }
  return steps;
}

/** As a shell takes them: words in single quotes are one. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ""));
}

function patternOf(expected: string): RegExp {
  return new RegExp(`^${expected.split("…").map(RegExp.escape).join("[^\\n]*")}$`);
}
