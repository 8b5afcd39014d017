/** The syntax tree of a source file, as the linter's parser sees it: strings, names and comments are told apart. */
import { readText } from "./source_tree.ts";
import type { Breach } from "./verdict.ts";

/** What a rule is given: where to say what it found, and the file's comments. */
export interface Look {
  report(node: { range: [number, number] }, found: string): void;
  comments(): { text: string; line: number; range: [number, number] }[];
  /** The line of a node, from 1. */
  line(node: { range: [number, number] }): number;
}

export type Visitor = Deno.lint.LintVisitor;

/** Parses one file and lets `visitor` see it. `text` replaces what is on the disk. */
export function lookInto(file: string, visit: (look: Look) => Visitor, text: string = readText(file)): Breach[] {
  const breaches: Breach[] = [];
  const line = ({ range }: { range: [number, number] }) => text.slice(0, range[0]).split("\n").length;
  const create = (context: Deno.lint.RuleContext): Visitor =>
    visit({
      report: (node, found) => breaches.push({ file, line: line(node), found }),
      comments: () =>
        context.sourceCode.getAllComments().map(({ value, range }) => ({
          text: value.trim(),
          line: line({ range }),
          range,
        })),
      line,
    });
  Deno.lint.runPlugin({ name: "rules", rules: { look: { create } } }, file, text);
  return breaches;
}
