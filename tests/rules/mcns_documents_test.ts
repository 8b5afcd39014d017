/** What MCNS's documents say of its code, so that they can't rot: files, names, keys, tables, operations, commands, values. */
import assert from "node:assert/strict";
import { schema } from "../../services/mcns/config.ts";
import { formatData, parseData } from "../../services/mcns/domain/rdata/record_data.ts";
import { typeCode, typeText, writableTypes } from "../../services/mcns/domain/rdata/record_type.ts";
import { sandbox } from "../../services/mcns/sandbox.ts";
import { migrations } from "../../services/mcns/store/migrations.ts";
import {
  anchorBreaches,
  codeIn,
  firstCodes,
  grantsOf,
  grantsSaid,
  metricsIn,
  namesBreaches,
  operationsIn,
  operationsSaid,
  rowsUnder,
  settingsOf,
  walkBreaches,
} from "./documents.ts";
import { readText, root } from "./source_tree.ts";
import { assertKept } from "./verdict.ts";

const readme = "services/mcns/README.md";
const architecture = "services/mcns/ARCHITECTURE.md";
const guide = "docs/mcns.md";
const documents = [readme, architecture, "services/mcns/RUNBOOK.md", guide, "docs/mcnsctl.md"];

Deno.test("README of MCNS: each file of the walks is there, and has what is named in it", () => {
  const walks = walkBreaches(readme, "## The code");
  assertKept({ ...walks, atLeast: 80, todo: "say what the code has, in the order of the code" });
});

Deno.test("README of MCNS: the settings are those of config.ts, with their defaults", () => {
  const wanted = settingsOf(schema);
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
  const wanted = operationsIn(["mcns", "dnssec", "transfer"].map((file) => `proto/mcns/v1/${file}.proto`));
  assert.deepEqual(operationsSaid(architecture, "## Operations").toSorted(), wanted.toSorted());
  assert.ok(wanted.length > 20);
});

Deno.test("ARCHITECTURE of MCNS: the operations that take tokens with scopes are those of the contract", () => {
  const contract = ["mcns", "dnssec", "transfer"].map((file) => readText(`proto/mcns/v1/${file}.proto`)).join("");
  const wanted = [...contract.matchAll(/rpc (\w+)[^{]*\{[^}]*takes_scopes\) = true/g)].map(([, rpc]) => rpc!);
  const rows = rowsUnder(architecture, "## Tokens with scopes").filter(({ cells }) => cells[0]!.startsWith("`"));
  assert.deepEqual(rows.flatMap(({ cells }) => codeIn(cells[0]!)).toSorted(), wanted.toSorted());
  assert.ok(wanted.length > 5);
});

Deno.test("ARCHITECTURE of MCNS: the metrics are those that the code registers", () => {
  const wanted = metricsIn("services/mcns/", "mcns");
  const rows = rowsUnder(architecture, "## Observing").filter(({ cells }) => cells[0]!.startsWith("`"));
  assert.deepEqual(rows.flatMap(({ cells }) => codeIn(cells[0]!)).toSorted(), wanted.toSorted());
  assert.ok(wanted.length > 20);
});

Deno.test("ARCHITECTURE of MCNS: the grants are those of sandbox.ts", () => {
  assert.deepEqual(grantsSaid(architecture, "## Sandbox").toSorted(), grantsOf(sandbox).toSorted());
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
  const { groups, ...names } = namesBreaches(documents, { program: "mcnsctl", app: "cli/mcnsctl/app.ts" });
  assert.equal(groups, 4, "groups of commands in cli/mcnsctl/app.ts");
  assertKept({ ...names, atLeast: 60, todo: `name what there is; paths are from the document, root is ${root}` });
});

Deno.test("documents of MCNS: links into documents lead to headings", () => {
  assertKept({ ...anchorBreaches(documents), atLeast: 20, todo: "name a heading that is there" });
});
