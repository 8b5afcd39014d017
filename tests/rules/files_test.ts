/** What files there are: their names, their lengths, and those that every service has. */
import assert from "node:assert/strict";
import { isGenerated, isTestData, projectFiles, readText, sourceFiles } from "./source_tree.ts";
import { assertKept, type Breach } from "./verdict.ts";

const emptyNames = ["utils?", "helpers?", "common", "misc", "shared", "types", "base", "managers?"];
const emptyName = new RegExp(`(^|[/_.-])(${emptyNames.join("|")})(\\.[a-z.]+$|/)`);

Deno.test("files: none is named for nothing", () => {
  for (
    const path of ["lib/utils.ts", "lib/util/mod.ts", "services/mcns/types.ts", "lib/db_helpers.ts", "a/shared/x.ts"]
  ) {
    assert.match(path, emptyName);
  }
  for (const path of ["lib/terminal/mod.ts", "services/mcias/domain/common_passwords.txt", "a/record_type.ts"]) {
    assert.doesNotMatch(path, emptyName);
  }
  const files = projectFiles();
  const breaches = files.filter((path) => emptyName.test(path)).map((file) => ({ file, line: 1, found: "this name" }));
  assertKept({ looked: files.length, atLeast: 400, breaches, todo: "name it for the one thing that it holds" });
});

Deno.test("files: names are lower case with underscores", () => {
  const files = sourceFiles();
  const breaches = files.filter((path) => !/^[a-z0-9_/]+(\.[a-z]+)+$/.test(path)).map((file) => ({
    file,
    line: 1,
    found: "this name",
  }));
  assertKept({ looked: files.length, atLeast: 400, breaches, todo: "name it like zone_store.ts" });
});

const mostLines = 400;
/** Within these first lines. */
const reasonWithin = 12;

/** A longer file says why in its first lines: "Over 400 lines because …". */
function tooLong(text: string): boolean {
  const lines = text.trimEnd().split("\n");
  return lines.length > mostLines &&
    !lines.slice(0, reasonWithin).some((line) => /over 400 lines\W+because \S+/i.test(line));
}

Deno.test("files: none is longer than 400 lines without a reason", () => {
  const long = "x;\n".repeat(mostLines + 1);
  assert.equal(tooLong(long), true);
  assert.equal(tooLong("x;\n".repeat(mostLines)), false);
  assert.equal(tooLong(`/** Over 400 lines, because the table is one. */\n${long}`), false);
  const files = projectFiles().filter((path) =>
    /\.(ts|tsx|js|sql|css|sh)$/.test(path) && !isGenerated(path) && !isTestData(path)
  );
  const breaches: Breach[] = files.filter((path) => tooLong(readText(path))).map((file) => ({
    file,
    line: mostLines + 1,
    found: `${readText(file).trimEnd().split("\n").length} lines`,
  }));
  const todo = 'split it by what it holds; one that can\'t be says "Over 400 lines, because …" at its top';
  assertKept({ looked: files.length, atLeast: 400, breaches, todo });
});

const everyService = [
  "README.md",
  "ARCHITECTURE.md",
  "RUNBOOK.md",
  "main.ts",
  "server.ts",
  "config.ts",
  "sandbox.ts",
];

Deno.test("files: every service has its documents, its four modules, and a test", () => {
  const files = projectFiles();
  const services = new Set(files.filter((path) => path.startsWith("services/")).map((path) => path.split("/")[1]!));
  const breaches: Breach[] = [];
  for (const name of services) {
    const own = files.filter((path) => path.startsWith(`services/${name}/`));
    for (const wanted of everyService) {
      const path = `services/${name}/${wanted}`;
      if (!own.includes(path)) breaches.push({ file: path, line: 1, found: "missing" });
      else if (readText(path).trim().length < 100) breaches.push({ file: path, line: 1, found: "as good as empty" });
    }
    if (!own.some((path) => path.endsWith("_test.ts"))) {
      breaches.push({ file: `services/${name}`, line: 1, found: "no test" });
    }
  }
  assertKept({ looked: services.size * everyService.length, atLeast: 42, breaches, todo: "write what is missing" });
});

Deno.test("files: every part of lib has a door, and says what it is for", () => {
  const files = projectFiles();
  const parts = new Set(files.filter((path) => path.startsWith("lib/")).map((path) => path.split("/")[1]!));
  const breaches = [...parts].flatMap((name) => {
    const file = `lib/${name}/mod.ts`;
    if (!files.includes(file)) return [{ file, line: 1, found: "missing" }];
    return /^(\/\/[^\n]*\n)*\/\*\*/.test(readText(file))
      ? []
      : [{ file, line: 1, found: "doesn't begin with a doc comment" }];
  });
  const todo =
    "mod.ts is what others import: it exports the part's names, and its first comment says what the part is for";
  assertKept({ looked: parts.size, atLeast: 18, breaches, todo });
});
