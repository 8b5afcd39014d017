/**
 * docs/benchmarks.md: each benchmark owns what stands between its two markers.
 * @module
 */
import { join } from "node:path";
import { invalid, quote } from "@lib/errors/mod.ts";

/** A table in Markdown; the first row is the heading, columns after the first are numbers. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":").join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), rule, ...body.map(line)].join("\n");
}

/** The text with what stands between a benchmark's markers replaced. Throws Invalid when they aren't there. */
export function withSection(text: string, name: string, section: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) {
    throw invalid("docs/benchmarks.md", `must have the lines ${quote(begin)} and ${quote(end)}`);
  }
  return `${text.slice(0, from + begin.length)}\n\n${section.trim()}\n\n${text.slice(to)}`;
}

export async function writeSection(root: string, name: string, section: string): Promise<void> {
  const file = join(root, "docs", "benchmarks.md");
  Deno.writeTextFileSync(file, withSection(Deno.readTextFileSync(file), name, section));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", file], cwd: root }).output();
}
