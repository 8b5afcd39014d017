/** Where packages come from: the npm registry, by exact versions, with their hashes. */
import assert from "node:assert/strict";
import { readText } from "./source_tree.ts";
import { assertKept } from "./verdict.ts";

/** `npm:name@1.2.3`, `npm:/@scope/name@1.2.3/`, or a folder of the tree. */
const exactImport = /^(npm:\/?(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?\/?|\.\/[\w/.]+)$/;
/** A lock file's own notation: peers follow the version, joined by underscores. */
const exactLocked = /^(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?(_.+)?$/;

interface Lock {
  version: string;
  specifiers: Record<string, string>;
  npm: Record<string, { integrity?: string }>;
}

/** The line of the first mention, from 1. */
function lineOf(text: string, words: string): number {
  return text.slice(0, Math.max(0, text.indexOf(words))).split("\n").length;
}

Deno.test("packages: the import map names exact versions from npm, and folders of the tree", () => {
  for (const target of ["npm:jose@6.2.17", "npm:/@bufbuild/protobuf@2.17.0/", "./lib/", "npm:x@1.0.0-rc.1"]) {
    assert.match(target, exactImport);
  }
  for (
    const target of ["npm:jose", "npm:jose@^6.2.17", "npm:jose@6", "jsr:@std/toml@1.0.0", "https://example.org/x.ts"]
  ) {
    assert.doesNotMatch(target, exactImport);
  }
  const text = readText("deno.json");
  const { imports } = JSON.parse(text) as { imports: Record<string, string> };
  const breaches = Object.entries(imports).filter(([, target]) => !exactImport.test(target)).map(([name, target]) => ({
    file: "deno.json",
    line: lineOf(text, `"${name}": `),
    found: `${name}: ${target}`,
  }));
  const todo = "write npm:NAME@MAJOR.MINOR.PATCH: a range would let a build differ from the one before";
  assertKept({ looked: Object.keys(imports).length, atLeast: 10, breaches, todo });
});

Deno.test("packages: the lock file holds npm packages only, each with version and hash", () => {
  const text = readText("deno.lock");
  const lock = JSON.parse(text) as Lock;
  const breaches = Object.keys(lock).filter((part) => !["version", "specifiers", "npm", "workspace"].includes(part))
    .map((part) => ({ file: "deno.lock", line: lineOf(text, `"${part}": `), found: part }));
  for (const specifier of Object.keys(lock.specifiers)) {
    if (!exactImport.test(specifier)) {
      breaches.push({ file: "deno.lock", line: lineOf(text, `"${specifier}"`), found: specifier });
    }
  }
  for (const [name, { integrity = "" }] of Object.entries(lock.npm)) {
    if (!exactLocked.test(name) || !/^sha512-[\w+/]{86}==$/.test(integrity)) {
      breaches.push({ file: "deno.lock", line: lineOf(text, `"${name}": {`), found: `${name} ${integrity}` });
    }
  }
  const todo = "pin the package in deno.json and let `deno install` write the lock file anew; no jsr and no URLs";
  assertKept({ looked: Object.keys(lock.npm).length, atLeast: 40, breaches, todo });
});

Deno.test("packages: the lock file is frozen, and installs no folder beside the source", () => {
  const { lock, nodeModulesDir } = JSON.parse(readText("deno.json"));
  assert.deepEqual([lock, nodeModulesDir], [{ path: "deno.lock", frozen: true }, "none"]);
});

Deno.test("packages: the compiler and the linter stay strict", () => {
  const { compilerOptions, lint, test } = JSON.parse(readText("deno.json"));
  const wanted = ["strict", "noUncheckedIndexedAccess", "exactOptionalPropertyTypes", "noImplicitOverride"];
  for (const option of wanted) assert.equal(compilerOptions[option], true, `deno.json: compilerOptions.${option}`);
  for (const rule of ["no-explicit-any", "no-eval", "eqeqeq"]) {
    assert.ok(lint.rules.include.includes(rule), `deno.json: lint.rules.include needs ${rule}`);
    assert.ok(!(lint.rules.exclude ?? []).includes(rule), `deno.json: lint.rules.exclude must not have ${rule}`);
  }
  // A leak that no test sees is one in production.
  assert.deepEqual(
    [test?.sanitizeOps, test?.sanitizeResources],
    [true, true],
    "deno.json: test.sanitizeOps, …Resources",
  );
});
