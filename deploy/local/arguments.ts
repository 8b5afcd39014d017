import { resolve } from "node:path";
import { nearest } from "@lib/config/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";

export interface LocalArguments {
  verb: string;
  data: string;
  portsBase: number | null;
  words: string[];
}

const flags = ["data", "ports-base"];

/** `VERB [WORD …] [--data DIR] [--ports-base N]`; a "--" that the task runner hands through is nothing. */
export function parseLocalArguments(argv: readonly string[]): LocalArguments {
  const [verb = "", ...rest] = argv;
  const result: LocalArguments = { verb, data: resolve(".metacircular"), portsBase: null, words: [] };
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!;
    if (word === "--") continue;
    if (!word.startsWith("--")) {
      result.words.push(word);
      continue;
    }
    const [flag = "", joined] = word.slice(2).split(/=(.*)/s);
    if (!flags.includes(flag)) {
      const near = nearest(flag, flags);
      throw invalid(
        verb,
        `unknown argument ${quote(word)}`,
        near === null ? {} : { hint: `Did you mean "--${near}"?` },
      );
    }
    const value = joined ?? rest[++i];
    if (value === undefined || value === "") throw invalid(`--${flag}`, "must be given a value");
    if (flag === "data") result.data = resolve(value);
    else if (/^\d+$/.test(value)) result.portsBase = Number(value);
    else throw invalid("--ports-base", `must be a whole number, got ${quote(value)}`);
  }
  return result;
}
