/** What MCNS's documents say of its code, so that they can't rot: files, names, keys, tables, operations, commands, values. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { required, type Section } from "@lib/config/mod.ts";
import { schema } from "../../services/mcns/config.ts";
import { formatData, parseData } from "../../services/mcns/domain/rdata/record_data.ts";
import { typeCode, typeText, writableTypes } from "../../services/mcns/domain/rdata/record_type.ts";
import { sandbox } from "../../services/mcns/sandbox.ts";
import { migrations } from "../../services/mcns/store/migrations.ts";
import { projectFiles, readText, root } from "./source_tree.ts";
import { assertKept, type Breach } from "./verdict.ts";

const readme = "services/mcns/README.md";
const architecture = "services/mcns/ARCHITECTURE.md";
const guide = "docs/mcns.md";
const documents = [readme, architecture, "services/mcns/RUNBOOK.md", guide, "docs/mcnsctl.md"];

/** What a declaration has for one verb alone. */
type VerbNeeds = Partial<Record<"connect" | "read" | "write", readonly string[]>>;

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** The rows of tables under the heading, up to the next one that stands as high. */
function rowsUnder(file: string, heading: string): Row[] {
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
const codeIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

/** The first column's code, of every row that begins with some. */
const firstCodes = (rows: readonly Row[]): string[] => rows.flatMap(({ cells }) => codeIn(cells[0]!).slice(0, 1));

Deno.test("README of MCNS: each file of the walks is there, and has what is named in it", () => {
  const breaches: Breach[] = [];
  const rows = rowsUnder(readme, "## The code").filter(({ cells }) => cells.length === 3 && cells[0] !== "file");
  for (const { line, cells: [path = "", names = ""] } of rows) {
    const [short = ""] = codeIn(path);
    const file = short.startsWith("lib/") ? short : `services/mcns/${short}`;
    const text = projectFiles().includes(file) ? readText(file) : null;
    if (text === null) breaches.push({ file: readme, line, found: `${file}, which isn't there` });
    for (const name of codeIn(names)) {
      for (const part of name.split(".")) {
        const isThere = text === null || new RegExp(`(?<![\\w#])${part}(?!\\w)`).test(text);
        if (!isThere) breaches.push({ file: readme, line, found: `${name}, which ${file} doesn't have` });
      }
    }
  }
  assertKept({ looked: rows.length, atLeast: 80, breaches, todo: "say what the code has, in the order of the code" });
});

Deno.test("README of MCNS: the settings are those of config.ts, with their defaults", () => {
  const shown = (fallback: unknown) =>
    fallback === required
      ? "required"
      : fallback === "" || (Array.isArray(fallback) && fallback.length === 0)
      ? ""
      : `\`${JSON.stringify(fallback)}\``;
  const wanted = Object.entries(schema as unknown as Record<string, Section & { keys?: Section }>)
    .flatMap(([section, part]) =>
      Object.entries(part.keys ?? part).map(([key, { fallback }]) =>
        `\`${section}${part.keys === undefined ? "" : "[]"}.${key}\` ${shown(fallback)}`
      )
    );
  const rows = rowsUnder(readme, "## Settings").filter(({ cells }) => cells[0] !== "key");
  assert.deepEqual(rows.map(({ cells: [key, fallback] }) => `${key} ${fallback}`), wanted);
  assert.ok(wanted.length > 50);
});

Deno.test("ARCHITECTURE of MCNS: the tables are those of the migrations", () => {
  const made = migrations.flatMap(({ sql }) => [...sql.matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name!));
  // 002 makes it beside the old one and gives it that one's name.
  const wanted = made.filter((name) => name !== "all_records");
  assert.deepEqual(firstCodes(rowsUnder(architecture, "## Tables")).toSorted(), [...wanted, "audit_events"].toSorted());
});

Deno.test("ARCHITECTURE of MCNS: the operations are those of the contract, each with who may", () => {
  const wanted: string[] = [];
  for (const file of ["mcns", "dnssec", "transfer"]) {
    let service = "";
    const text = readText(`proto/mcns/v1/${file}.proto`);
    for (
      const [, name, rpc, access] of text.matchAll(/^service (\w+)|rpc (\w+)[^{]*\{[^}]*access\) = ACCESS_(\w+)/gm)
    ) {
      if (name !== undefined) service = name;
      else wanted.push(`${service}.${rpc} ${access === "ADMIN" ? "admin" : "any account"}`);
    }
  }
  const rows = rowsUnder(architecture, "## Operations").filter(({ cells }) => cells[0]!.startsWith("`"));
  const found = rows.flatMap(({ cells: [services = "", rpcs = "", who = ""] }) =>
    codeIn(rpcs).map((rpc) => `${codeIn(services)[0]}.${rpc} ${who.startsWith("admin") ? "admin" : "any account"}`)
  );
  assert.deepEqual(found.toSorted(), wanted.toSorted());
});

Deno.test("ARCHITECTURE of MCNS: the metrics are those that the code registers", () => {
  const code = projectFiles().filter((path) => /^services\/mcns\/.*(?<!_test)\.ts$/.test(path)).map(readText);
  const wanted = new Set(code.flatMap((text) => [...text.matchAll(/"(mcns_\w+)",/g)].map(([, name]) => name!)));
  const rows = rowsUnder(architecture, "## Observing").filter(({ cells }) => cells[0]!.startsWith("`"));
  assert.deepEqual(rows.flatMap(({ cells }) => codeIn(cells[0]!)).toSorted(), [...wanted].toSorted());
  assert.ok(wanted.size > 20);
});

Deno.test("ARCHITECTURE of MCNS: the grants are those of sandbox.ts", () => {
  const { listen = [], datagramPeers = [], connect = [], read = [], write = [], verbs = {} } = sandbox;
  const wanted = [
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
  const rows = rowsUnder(architecture, "## Sandbox").filter(({ cells }) => codeIn(cells[1]!).length === 1);
  assert.deepEqual(rows.map(({ cells: [kind, key] }) => `${kind} ${codeIn(key!)[0]}`).toSorted(), wanted.toSorted());
});

Deno.test("docs/mcns.md: every type that callers write has an example, which is taken as it stands", () => {
  const rows = rowsUnder(guide, "## Records").filter(({ cells }) => cells.length === 3 && cells[0]!.startsWith("`"));
  const types = rows.map(({ cells }) => typeCode(codeIn(cells[0]!)[0]!));
  const unnamed = typeCode("TYPE65280");
  assert.deepEqual(types.map(typeText).toSorted(), [...writableTypes, unnamed].map(typeText).toSorted());
  for (const [i, { cells }] of rows.entries()) {
    const value = codeIn(cells[1]!)[0]!.replaceAll("\\|", "|"), type = types[i]!;
    assert.equal(formatData(type, parseData(type, value)), value, typeText(type));
  }
});

Deno.test("documents of MCNS: links lead to files, and commands of mcnsctl are there", () => {
  const files = new Set(projectFiles());
  const folders = new Set([...files].map(dirname));
  const app = readText("cli/mcnsctl/app.ts");
  const groups = new Map([...app.matchAll(/(\w+): group\([^{]*\{([^}]*)\}/g)].map(([, name, body]) => [name!, body!]));
  const has = (text: string, command: string) =>
    new RegExp(`\\b${command.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}: \\w`).test(text);
  const breaches: Breach[] = [];
  let looked = 0;
  for (const file of documents) {
    for (const [i, text] of readText(file).split("\n").entries()) {
      for (const [, to = ""] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
        looked++;
        const path = normalize(join(dirname(file), to)).replace(/\/$/, "");
        if (!files.has(path) && !folders.has(path)) breaches.push({ file, line: i + 1, found: `a link to ${path}` });
      }
      for (const [found, word = "", next = ""] of text.matchAll(/mcnsctl ([a-z]+)(?: ([a-z][a-z-]*)\b)?/g)) {
        looked++;
        const group = groups.get(word);
        if (group === undefined ? !has(app, word) && word !== "completions" : next !== "" && !has(group, next)) {
          breaches.push({ file, line: i + 1, found });
        }
      }
    }
  }
  assert.ok(groups.size === 4, "groups of commands in cli/mcnsctl/app.ts");
  assertKept({
    looked,
    atLeast: 60,
    breaches,
    todo: `name what there is; paths are from the document, root is ${root}`,
  });
});
