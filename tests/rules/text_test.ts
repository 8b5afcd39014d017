/** What the project's text doesn't say: where somebody's machine keeps it, and which registry served its packages. */
import assert from "node:assert/strict";
import { projectFiles, readText } from "./source_tree.ts";
import { assertKept, type Breach } from "./verdict.ts";

// Each is written so that this file doesn't hold what it looks for.
const machinePath = /(?<![\w.*~}>-])\/(?:root|work|home\/\w+|Users\/\w+)(?:\/|(?=["'`\s)]))/g;
const registryHost =
  /\b(?:registry[.](?:npmjs|yarnpkg)|deb[.]debian|security[.]debian|archive[.]ubuntu|registry[-]1[.]docker|npm[.]jsr|jsr[.]io|proxy[.]golang|files[.]pythonhosted)\b[.\w]*/g;

// In scripts, units and settings; what code says is looked at as code.
const permissionFlag = /--(?:allow|deny)-(?:all|read|write|net|env|run|sys|ffi|import)\b|\bdeno\s[^\n]*\s-A\b/g;

interface TextRule {
  name: string;
  files: (path: string) => boolean;
  pattern: RegExp;
  todo: string;
  atLeast: number;
  /** Files that may, each with the reason. */
  exempt: Record<string, string>;
  refuses: string[];
  allows: string[];
}

const rules: TextRule[] = [
  {
    name: "no path of a machine that it was written on",
    files: () => true,
    atLeast: 400,
    pattern: machinePath,
    todo: "write the path from the tree's root, or take it from the config or the command line",
    exempt: {},
    refuses: ["cd /ro" + "ot/x", '"/wo' + 'rk/main"', "file:///ho" + "me/ada/x", "/Us" + "ers/ada/x"],
    allows: [
      "<data>/srv/mcns",
      "--root=${storage}/root`",
      "/srv/mcns/root/x",
      "lib/work/x.ts",
      "https://example.org/network/x",
    ],
  },
  {
    name: "no registry's host name",
    files: () => true,
    atLeast: 400,
    pattern: registryHost,
    todo: "leave the registry to the client's own settings: only deno.lock may name where packages come from",
    exempt: {},
    refuses: ["https://registry." + "npmjs.org/jose", "http://deb." + "debian.org/debian", "https://jsr." + "io/@std"],
    allows: ["mcr.svc.mcp.metacircular.net", "npm:jose@6.2.17", "registry.example"],
  },
  {
    name: "no permission flag in scripts and settings outside lib/sandbox",
    files: (path) => !/\.(ts|tsx|js|md)$/.test(path) && !path.startsWith("lib/sandbox/"),
    atLeast: 10,
    pattern: permissionFlag,
    todo: "start the program by a task of deno.json, or by what lib/sandbox derives for it",
    exempt: {
      "deno.json": "its tasks start the launcher; sandbox_test.ts holds each to that one line",
      "proto/buf.gen.yaml": "buf itself starts its plug-in, by this line",
    },
    refuses: ["deno run --allow-net main.ts", "ExecStart=/usr/bin/deno run -A main.js"],
    allows: ["deno task up", "ls -A"],
  },
];

/** The text files; those with a NUL byte are something else. */
function texts(): { file: string; text: string }[] {
  return projectFiles()
    .filter((file) => file !== "deno.lock")
    .map((file) => ({ file, text: readText(file) }))
    .filter(({ text }) => !text.includes("\0"));
}

for (const { name, files: covers, pattern, todo, atLeast, exempt, refuses, allows } of rules) {
  Deno.test(`text: ${name}`, () => {
    const finds = (text: string) => [...text.matchAll(pattern)];
    for (const text of refuses) assert.notEqual(finds(text).length, 0, `the rule must refuse: ${text}`);
    for (const text of allows) assert.equal(finds(text).length, 0, `the rule must allow: ${text}`);
    const files = texts().filter(({ file }) => covers(file));
    const found = Map.groupBy(
      files.flatMap(({ file, text }): Breach[] =>
        finds(text).map((match) => ({ file, line: text.slice(0, match.index).split("\n").length, found: match[0] }))
      ),
      ({ file }) => file,
    );
    for (const file of Object.keys(exempt)) {
      assert.ok(found.delete(file), `${file} doesn't need its exemption: remove it from tests/rules/text_test.ts`);
    }
    assertKept({ looked: files.length, atLeast, breaches: [...found.values()].flat(), todo });
  });
}
