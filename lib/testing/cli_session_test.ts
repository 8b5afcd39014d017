import assert from "node:assert/strict";
import { playSession, wordsOf } from "./mod.ts";

/** Prints its words; `fail` ends with 2 and an error. */
const echo = (...words: string[]) =>
  Promise.resolve(
    words[0] === "fail"
      ? { code: 2, stdout: "", stderr: "echo: failed\n" }
      : { code: 0, stdout: words.map((word) => `${word}\n`).join(""), stderr: "" },
  );

/** Sessions that fit what echo does, and what doesn't. */
const sessions: [fits: boolean, session: string][] = [
  [true, "$ echo a 'b c'\na\nb c\n"],
  [true, "$ echo fail\necho: failed\n[2]\n\n$ echo\n\n$ echo x\nx"],
  [true, "$ echo at-12:34\nat-…\n"],
  [true, "$ echo a.b\na.b\n"],
  [false, "$ echo axb\na.b\n"],
  [false, "$ echo a\n"],
  [false, "$ echo\na\n"],
  [false, "$ echo fail\necho: failed\n"],
  [false, "$ echo a\na\n[2]\n"],
  [false, "$ echo a b\na…\n"], // one line's characters only
  [false, "$ other\n"],
  [false, "nothing to run"],
];
for (const [fits, session] of sessions) {
  Deno.test(`playSession ${fits ? "accepts" : "refuses"} ${JSON.stringify(session)}`, async () => {
    if (fits) await playSession(session, { echo });
    else await assert.rejects(playSession(session, { echo }), { name: "AssertionError" });
  });
}

Deno.test("wordsOf splits as a shell does, with single quotes", () => {
  assert.deepEqual(wordsOf("a  'b c' --d='e f' ''"), ["a", "b c", "--d=e f", ""]);
});
