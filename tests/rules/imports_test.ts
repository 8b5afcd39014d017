/** Who may import whom, over every import of the tree. Each rule is a row, with an import that it must refuse. */
import assert from "node:assert/strict";
import { type Edge, moduleGraph, reachedFrom } from "./module_graph.ts";
import { isForTests, isTestData, partOf, projectFiles, sourceFiles } from "./source_tree.ts";
import { assertKept } from "./verdict.ts";

interface ImportRule {
  name: string;
  /** The imports that the rule is about. */
  looksAt: (edge: Edge) => boolean;
  allows: (edge: Edge) => boolean;
  todo: string;
  atLeast: number;
  /** Importer and imported (`kind` value) that the rule must refuse. */
  refuses: [from: string, to: string, specifier?: string][];
}

const isPackage = (to: string) => to.startsWith("npm:") || to.startsWith("node:");
const inFolder = (name: string) => (path: string) => path.includes(`/${name}/`);
const inDomain = inFolder("domain");
const inStore = inFolder("store");
const isSql = (to: string) => to === "node:sqlite" || to.startsWith("lib/db/") || to.endsWith(".sql");
const isServiceCode = (path: string) => path.startsWith("services/") && !isForTests(path);
const isLib = (path: string) => path.startsWith("lib/");
const isContract = (path: string) => path.startsWith("proto/");
/** `services/mcns/server.ts`: the one place that builds a service. */
const isServer = (path: string) => /^services\/\w+\/server\.ts$/.test(path);
const isVerb = (path: string) => /^services\/\w+\/verbs(\.ts$|\/)/.test(path);

const rules: ImportRule[] = [
  {
    name: "lib imports no service, cli or deployment",
    looksAt: ({ from }) => isLib(from),
    allows: ({ from, to }) =>
      isLib(to) || isContract(to) || isPackage(to) ||
      // The generator reads the pinned versions of buf and its plug-in.
      (from === "lib/contract/generate.ts" && to === "deno.json"),
    todo: "lib knows nobody above it: hand what it needs in as an argument, or move the code up",
    atLeast: 300,
    refuses: [["lib/db/database.ts", "services/mcns/config.ts"], ["lib/log/mod.ts", "cli/mcp/app.ts"]],
  },
  {
    name: "a service imports no other service, cli or deployment",
    looksAt: ({ from }) => from.startsWith("services/"),
    allows: ({ from, to }) => isLib(to) || isContract(to) || isPackage(to) || partOf(from) === partOf(to),
    todo: "services meet over the network only: use the generated client, or move what both need to lib/",
    atLeast: 800,
    refuses: [["services/mcr/server.ts", "services/mcias/config.ts"], ["services/mcr/server.ts", "deploy/programs.ts"]],
  },
  {
    name: "a cli imports no service and no deployment",
    looksAt: ({ from }) => from.startsWith("cli/"),
    allows: ({ from, to }) => isLib(to) || isContract(to) || isPackage(to) || partOf(from) === partOf(to),
    todo: "a command line speaks to services over their APIs: use the generated client, or move the code to lib/",
    atLeast: 50,
    refuses: [["cli/mcp/app.ts", "services/mcpagent/config.ts"]],
  },
  {
    name: "domain imports only domain, lib/errors and lib/clock",
    looksAt: ({ from }) => inDomain(from) && !isForTests(from),
    allows: ({ from, to }) =>
      (inDomain(to) && partOf(from) === partOf(to)) || to === "lib/errors/mod.ts" || to === "lib/clock/mod.ts",
    todo: "domain code is pure: move what touches the outside to the caller, and hand its result in",
    atLeast: 40,
    refuses: [
      ["services/mcns/domain/zone.ts", "node:net"],
      ["services/mcns/domain/zone.ts", "lib/db/mod.ts"],
      ["services/mcns/domain/zone.ts", "services/mcns/store/zone_store.ts"],
    ],
  },
  {
    name: "SQL is imported only by a service's store and server",
    looksAt: ({ from, to }) => isServiceCode(from) && isSql(to),
    allows: ({ from }) => inStore(from) || isServer(from),
    todo: "statements and migrations belong to store/: give the store a method, and call that",
    atLeast: 20,
    refuses: [
      ["services/mcns/operations/zone_operations.ts", "lib/db/mod.ts"],
      ["services/mcns/dns/answer.ts", "node:sqlite"],
      ["services/mcns/web/zone_page.tsx", "services/mcns/store/migrations/001_zones.sql"],
    ],
  },
  {
    name: "only lib/db imports the SQLite driver",
    looksAt: ({ from, to }) => to === "node:sqlite" && !isForTests(from),
    allows: ({ from }) => partOf(from) === "lib/db",
    todo: "open databases by openDatabase of @lib/db/mod.ts, which sets durability, checks and migrations",
    atLeast: 1,
    refuses: [["services/mcns/store/zone_store.ts", "node:sqlite"]],
  },
  {
    name: "only server.ts and verbs build stores",
    // A type import can't build one.
    looksAt: ({ from, to, kind }) => isServiceCode(from) && inStore(to) && !inStore(from) && kind === "value",
    allows: ({ from }) => isServer(from) || isVerb(from),
    todo: "take the store as an argument and import its type only; what isn't the store goes to domain/",
    atLeast: 15,
    refuses: [["services/mcns/operations/zone_operations.ts", "services/mcns/store/zone_store.ts"]],
  },
  {
    name: "a part of lib is entered by its door",
    looksAt: ({ from, to }) => isLib(to) && partOf(from) !== partOf(to),
    allows: ({ from, to, kind }) =>
      to.endsWith("/mod.ts") ||
      // The shell script that portable builds carry: it holds flags, and no module could export it without loading it.
      (from === "deploy/portable/main.ts" && to === "lib/sandbox/portable_launcher.sh") ||
      // The shape of a tool's declaration, for what runs from the source tree only.
      (to === "lib/sandbox/tool.ts" && kind === "type") ||
      (isForTests(from) && isForTests(to)),
    todo: "import @lib/<part>/mod.ts; when the name isn't there, export it there with a doc comment",
    atLeast: 500,
    refuses: [["services/mcns/server.ts", "lib/db/database.ts"]],
  },
  {
    name: "the platform's code imports no test support",
    looksAt: ({ from }) => !isForTests(from),
    allows: ({ to }) => !isForTests(to),
    todo: "code that runs in production can't need a test's: move what both need out of testing/",
    atLeast: 1500,
    refuses: [["services/mcns/server.ts", "services/mcns/testing/temp_store.ts"], [
      "cli/mcp/app.ts",
      "tests/platform.ts",
    ]],
  },
  {
    name: "packages come through the import map",
    looksAt: ({ to }) => !to.startsWith("node:"),
    allows: ({ specifier }) => !/^(npm|jsr|https?|data|file):/.test(specifier),
    todo: "name the package in deno.json's imports with its exact version, and import it by that name",
    atLeast: 2000,
    refuses: [
      ["lib/db/mod.ts", "npm:/jose@6.2.17", "npm:jose"],
      ["lib/db/mod.ts", "https://example.org/x.ts", "https://example.org/x.ts"],
    ],
  },
];

const graph = await moduleGraph(projectFiles().filter((path) => /\.(ts|tsx|js)$/.test(path) && !isTestData(path)));

for (const { name, looksAt, allows, todo, atLeast, refuses } of rules) {
  Deno.test(`imports: ${name}`, () => {
    for (const [from, to, specifier = to] of refuses) {
      const edge: Edge = { from, to, specifier, line: 1, kind: "value" };
      assert.ok(looksAt(edge) && !allows(edge), `the rule must refuse ${from} → ${to}`);
    }
    const looked = graph.edges.filter(looksAt);
    const breaches = looked.filter((edge) => !allows(edge)).map(({ from, line, to, kind }) => ({
      file: from,
      line,
      found: `imports ${to}${kind === "type" ? " (its types)" : ""}`,
    }));
    assertKept({ looked: looked.length, atLeast, breaches, todo });
  });
}

Deno.test("imports: every import leads somewhere", () => {
  assertKept({ looked: graph.edges.length, atLeast: 2500, breaches: graph.broken, todo: "mend or remove the import" });
});

Deno.test("imports: every module is used by a program, a tool, a part's door or a test", () => {
  const starts = sourceFiles().filter((path) =>
    /(^|\/)(main|sandbox)\.ts$|^lib\/\w+\/mod\.ts$/.test(path) || isStart(path)
  );
  assert.ok(starts.length > 100, `found only ${starts.length} starting points`);
  const reached = reachedFrom(starts, graph.edges);
  const modules = sourceFiles().filter((path) => !isForTests(path));
  const breaches = modules.filter((path) => !reached.has(path)).map((file) => ({
    file,
    line: 1,
    found: "not imported",
  }));
  assertKept({ looked: modules.length, atLeast: 300, breaches, todo: "remove the module, or use it" });
});

/** Programs that are started by their path and bear another name than main.ts. */
const programs = ["deploy/portable/flags.ts", "lib/contract/generate.ts", "lib/sandbox/launch.ts"];

function isStart(path: string): boolean {
  return /_test\.tsx?$/.test(path) || programs.includes(path);
}
