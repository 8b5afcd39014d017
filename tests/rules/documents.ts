/**
 * What a service's documents say of its code, and what the code says, in one form each.
 * @module
 */
import { dirname, join, normalize } from "node:path";
import { required, type Schema, type Section } from "@lib/config/mod.ts";
import type { Declaration } from "@lib/sandbox/mod.ts";
import { projectFiles, readText } from "./source_tree.ts";
import type { Breach } from "./verdict.ts";

export interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** The rows of tables under the heading, up to the next one that stands as high. */
export function rowsUnder(file: string, heading: string): Row[] {
  const level = heading.match(/^#+ /)![0];
  const rows: Row[] = [];
  let isUnder = false;
  for (const [i, text] of readText(file).split("\n").entries()) {
    if (/^#{1,6} /.test(text) && text.indexOf(" ") < level.length) isUnder = text === heading;
    if (!isUnder || !text.startsWith("| ") || /^\| -+:? /.test(text)) continue;
    const cells = text.slice(2, -2).split(/(?<!\\) \| /).map((cell) => cell.trim());
    rows.push({ line: i + 1, cells });
  }
  return rows;
}

/** What stands in backticks. */
export const codeIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

/** The first column's code, of every row that begins with some. */
export const firstCodes = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ cells }) => codeIn(cells[0]!).slice(0, 1));

/** Walks through the code: rows of a file, names in it, what happens. Files are of the document's folder, or of lib. */
export function walkBreaches(file: string, heading: string): { looked: number; breaches: Breach[] } {
  const breaches: Breach[] = [];
  const rows = rowsUnder(file, heading).filter(({ cells }) => cells.length === 3 && cells[0] !== "file");
  const files = new Set(projectFiles());
  const pathOf = (short: string) => short.startsWith("lib/") ? short : `${dirname(file)}/${short}`;
  for (const { line, cells: [path = "", names = "", words = ""] } of rows) {
    const named = pathOf(codeIn(path)[0] ?? "");
    const text = files.has(named) ? readText(named) : null;
    for (const one of [named, ...codeIn(words).filter((code) => /^[\w/]+\.tsx?$/.test(code)).map(pathOf)]) {
      if (!files.has(one)) breaches.push({ file, line, found: `${one}, which isn't there` });
    }
    for (const name of codeIn(names)) {
      for (const part of name.split(".")) {
        const isThere = text === null || new RegExp(`(?<![\\w#])${part}(?!\\w)`).test(text);
        if (!isThere) breaches.push({ file, line, found: `${name}, which ${named} doesn't have` });
      }
    }
  }
  return { looked: rows.length, breaches };
}

/** `key` and default of each setting, as a table of settings has them. */
export function settingsOf(schema: Schema): string[] {
  const shown = (fallback: unknown) =>
    fallback === required
      ? "required"
      : fallback === "" || (Array.isArray(fallback) && fallback.length === 0)
      ? ""
      : `\`${JSON.stringify(fallback)}\``;
  return Object.entries(schema as unknown as Record<string, Section & { keys?: Section }>)
    .flatMap(([section, part]) =>
      Object.entries(part.keys ?? part).map(([key, { fallback }]) =>
        `\`${section}${part.keys === undefined ? "" : "[]"}.${key}\` ${shown(fallback)}`
      )
    );
}

/** "Service.Rpc admin" or "Service.Rpc any account" of each operation. */
export function operationsIn(protos: readonly string[]): string[] {
  const operations: string[] = [];
  for (const file of protos) {
    let service = "";
    const text = readText(file);
    for (
      const [, name, rpc, access] of text.matchAll(/^service (\w+)|rpc (\w+)[^{]*\{[^}]*access\) = ACCESS_(\w+)/gm)
    ) {
      if (name !== undefined) service = name;
      else operations.push(`${service}.${rpc} ${access === "ADMIN" ? "admin" : "any account"}`);
    }
  }
  return operations;
}

/** The same, of rows of service, operations, who. */
export function operationsSaid(file: string, heading: string): string[] {
  const rows = rowsUnder(file, heading).filter(({ cells }) => cells[0]!.startsWith("`"));
  return rows.flatMap(({ cells: [services = "", rpcs = "", who = ""] }) =>
    codeIn(rpcs).map((rpc) => `${codeIn(services)[0]}.${rpc} ${who.startsWith("admin") ? "admin" : "any account"}`)
  );
}

/** Names of metrics that a folder's code registers. */
export function metricsIn(folder: string, prefix: string): string[] {
  const code = projectFiles().filter((path) => path.startsWith(folder) && /(?<!_test)\.ts$/.test(path)).map(readText);
  const form = new RegExp(`"(${prefix}_\\w+)",`, "g");
  return [...new Set(code.flatMap((text) => [...text.matchAll(form)].map(([, name]) => name!)))];
}

/** What a declaration has for one verb alone. */
type VerbNeeds = Partial<Record<"connect" | "read" | "write", readonly string[]>>;

/** "listen server.rest_addr" and so on, of each grant that a declaration asks for. */
export function grantsOf(declaration: Declaration): string[] {
  const { listen = [], datagramPeers = [], connect = [], read = [], write = [], verbs = {} } = declaration;
  return [
    ...listen.map((key) => `listen ${key}`),
    ...datagramPeers.map((key) => `datagrams ${key}`),
    ...connect.map((key) => `connect ${key}`),
    ...read.map((key) => `read ${key}`),
    ...write.map((key) => `read, write ${key}`),
    ...Object.entries(verbs as Record<string, VerbNeeds>).flatMap(([verb, { connect = [], read = [], write = [] }]) => [
      ...connect.map((key) => `connect, for ${verb} ${key}`),
      ...read.map((key) => `read, for ${verb} ${key}`),
      ...write.map((key) => `read, write, for ${verb} ${key}`),
    ]),
  ];
}

/** The same, of rows of kind and key. */
export function grantsSaid(file: string, heading: string): string[] {
  const rows = rowsUnder(file, heading).filter(({ cells }) => codeIn(cells[1]!).length === 1);
  return rows.map(({ cells: [kind, key] }) => `${kind} ${codeIn(key!)[0]}`);
}

/**
 * Links to what isn't there, and commands that the command line doesn't have.
 * @param app the module with the command tree
 */
export function namesBreaches(
  documents: readonly string[],
  { program, app }: { program: string; app: string },
): { looked: number; groups: number; breaches: Breach[] } {
  const files = new Set(projectFiles());
  const folders = new Set([...files].map(dirname));
  const tree = readText(app);
  const groups = new Map([...tree.matchAll(/(\w+): group\([^{]*\{([^}]*)\}/g)].map(([, name, body]) => [name!, body!]));
  const has = (text: string, command: string) =>
    new RegExp(`\\b${command.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}: \\w`).test(text);
  const breaches: Breach[] = [];
  const commands = new RegExp(`${program} ([a-z]+)(?: ([a-z][a-z-]*)\\b)?`, "g");
  let looked = 0;
  for (const file of documents) {
    for (const [i, text] of readText(file).split("\n").entries()) {
      for (const [, to = ""] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
        looked++;
        const path = normalize(join(dirname(file), to)).replace(/\/$/, "");
        if (!files.has(path) && !folders.has(path)) breaches.push({ file, line: i + 1, found: `a link to ${path}` });
      }
      for (const [found, word = "", next = ""] of text.matchAll(commands)) {
        looked++;
        const group = groups.get(word);
        if (group === undefined ? !has(tree, word) && word !== "completions" : next !== "" && !has(group, next)) {
          breaches.push({ file, line: i + 1, found });
        }
      }
    }
  }
  return { looked, groups: groups.size, breaches };
}

/** Links into a document whose heading isn't there. */
export function anchorBreaches(documents: readonly string[]): { looked: number; breaches: Breach[] } {
  const breaches: Breach[] = [];
  let looked = 0;
  for (const file of documents) {
    for (const [i, text] of readText(file).split("\n").entries()) {
      for (const [, to = "", anchor = ""] of text.matchAll(/\]\(([^)#:\s]*)#([^)]+)\)/g)) {
        looked++;
        const path = to === "" ? file : normalize(join(dirname(file), to));
        const headings = readText(path).split("\n").filter((line) => /^#{1,6} /.test(line)).map(anchorOf);
        if (!headings.includes(anchor)) breaches.push({ file, line: i + 1, found: `a link to #${anchor} of ${path}` });
      }
    }
  }
  return { looked, breaches };
}

/** As the usual readers make it of a heading. */
function anchorOf(heading: string): string {
  return heading.replace(/^#+ /, "").toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}
