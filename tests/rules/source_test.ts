/** What code may say where, over the syntax tree of every source file. Each rule is a row, with code that it must refuse. */
import assert from "node:assert/strict";
import { isForTests, sourceFiles } from "./source_tree.ts";
import { type Look, lookInto, type Visitor } from "./syntax.ts";
import { assertKept } from "./verdict.ts";

interface SourceRule {
  name: string;
  files: (path: string) => boolean;
  /** Files that may, each with the reason. */
  exempt?: Record<string, string>;
  visit: (look: Look) => Visitor;
  todo: string;
  atLeast: number;
  refuses: string[];
  allows?: string[];
}

const isOurs = (path: string) => !isForTests(path) && !path.startsWith("deploy/examples/");
const isServiceCode = (path: string) => path.startsWith("services/") && !isForTests(path);

/** `Deno.env`, `globalThis.Deno.env`, `Deno["env"]`: whether the node takes `name` out of `object`. */
function takes(node: Deno.lint.MemberExpression, object: string, name?: string): boolean {
  const owner = node.object.type === "MemberExpression" ? nameOf(node.object) : nameOf(node);
  const from = node.object.type === "Identifier" ? node.object.name : owner;
  return from === object && (name === undefined || nameOf(node) === name);
}

function nameOf({ property }: Deno.lint.MemberExpression): string {
  if (property.type === "Identifier") return property.name;
  return property.type === "Literal" ? String(property.value) : "";
}

/** Reports what takes one of these: `[object, name]`, or anything of the object. */
function memberRule(...pairs: [object: string, name?: string][]): (look: Look) => Visitor {
  const objects = pairs.map(([object]) => object);
  return (look) => ({
    MemberExpression(node) {
      for (const [object, name] of pairs) {
        if (takes(node, object, name)) look.report(node, `${object}.${nameOf(node)}`);
      }
    },
    // `const { env } = Deno`, and `const runtime = Deno`, which hides what is taken.
    VariableDeclarator({ init }) {
      if (init?.type === "Identifier" && objects.includes(init.name)) look.report(init, `${init.name} by another name`);
    },
    ImportDeclaration({ source }) {
      if (source.value === "node:process" && objects.includes("process")) look.report(source, "node:process");
    },
  });
}

const permissionFlag = /(^|\s)(--(allow|deny|ignore)-(all|read|write|net|env|run|sys|ffi|import)\b|-A\b)/;

const sqlStatement =
  /^\s*(SELECT\s.*\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX)\s|PRAGMA\s)/s;

const rules: SourceRule[] = [
  {
    name: "the environment is read only in lib/config",
    files: (path) => isOurs(path) && !path.startsWith("lib/config/"),
    exempt: { "lib/sandbox/launch.ts": "finds the data folder before there is a program with a config" },
    visit: memberRule(["Deno", "env"], ["process", "env"]),
    todo: "make it a key of the config: every key has a variable, and the sandbox grants it by that name",
    atLeast: 250,
    refuses: [
      "const { env } = Deno;",
      'import { env } from "node:process";',
      'Deno.env.get("X")',
      'globalThis.Deno.env.get("X")',
      'Deno["env"]',
      "process.env.X",
    ],
    allows: ["const environment = { env: 1 }; environment.env"],
  },
  {
    name: "permission flags are written only in lib/sandbox",
    files: (path) => isOurs(path) && !path.startsWith("lib/sandbox/"),
    exempt: { "lib/contract/generate.ts": "starts buf, which loads a native binary, when the protos are regenerated" },
    visit: (look) => ({
      Literal(node) {
        if (typeof node.value === "string" && permissionFlag.test(node.value)) look.report(node, node.value);
      },
      TemplateElement(node) {
        if (permissionFlag.test(node.cooked)) look.report(node, node.cooked);
      },
    }),
    todo: "declare what the program needs in its sandbox.ts and let derive() of @lib/sandbox/mod.ts say the flags",
    atLeast: 250,
    refuses: ['run(["--allow-all"])', "`--allow-net=${host}`", '["run", "-A"]', '"deno run --deny-read x"'],
    allows: ['"allow-kebab-for-camel"', '"--all"', "// --allow-net in a comment"],
  },
  {
    name: "modules are imported by names that stand in the source",
    files: isOurs,
    exempt: {
      "lib/sandbox/launch.ts": "runs from the source tree only, and loads the sandbox.ts of the tool it starts",
    },
    visit: (look) => ({
      ImportExpression(node) {
        if (node.source.type !== "Literal") look.report(node, "import() of a computed name");
      },
    }),
    todo: "import the module by its name: a bundle holds only what the bundler could see",
    atLeast: 250,
    refuses: ["await import(name)", "import(`./${name}.ts`)"],
    allows: ['await import("./x.ts")'],
  },
  {
    name: "domain does nothing but compute",
    files: (path) => isServiceCode(path) && path.includes("/domain/"),
    visit: (look) => ({
      ...memberRule(["Deno"], ["process"], ["Date", "now"], ["Math", "random"], ["performance", "now"])(look),
      NewExpression(node) {
        if (isNow(node)) look.report(node, "new Date()");
      },
      CallExpression(node) {
        const name = node.callee.type === "Identifier" ? node.callee.name : "";
        if (["fetch", "setTimeout", "setInterval", "queueMicrotask"].includes(name)) look.report(node, `${name}()`);
      },
    }),
    todo: "hand time (a Clock or a timestamp), randomness and results of I/O in as arguments",
    atLeast: 30,
    refuses: [
      'Deno.readTextFileSync("x")',
      "Date.now()",
      "new Date()",
      "Math.random()",
      'fetch("x")',
      "setTimeout(f, 1)",
    ],
    allows: ["new Date(at)", "Math.min(1, 2)"],
  },
  {
    name: "services take the time from the clock",
    files: isServiceCode,
    visit: (look) => ({
      ...memberRule(["Date", "now"])(look),
      NewExpression(node) {
        if (isNow(node)) look.report(node, "new Date()");
      },
    }),
    todo: "use the context's clock (@lib/clock/mod.ts), or the timestamp that db.write hands out",
    atLeast: 150,
    refuses: ["Date.now()", "new Date()"],
    allows: ["new Date(clock.now())"],
  },
  {
    name: "SQL is written only in stores",
    files: (path) => isServiceCode(path) && !path.includes("/store/"),
    visit: (look) => ({
      Literal(node) {
        if (typeof node.value === "string" && sqlStatement.test(node.value)) look.report(node, node.value);
      },
      TemplateElement(node) {
        if (sqlStatement.test(node.cooked)) look.report(node, node.cooked.trim());
      },
    }),
    todo: "give the store a method with the statement, prepared in its constructor",
    atLeast: 120,
    refuses: [
      'db.prepare("SELECT 1 FROM zones")',
      "db.prepare<Row>(`\n  INSERT INTO zones (name) VALUES (?)`)",
      '"PRAGMA optimize"',
    ],
    allows: ['"Select a zone FROM the list"', '"DELETE"', '"UPDATE the zone"'],
  },
  {
    name: "only lib/service ends the process",
    files: (path) => /^(lib|services)\//.test(path) && !isForTests(path) && !path.startsWith("lib/service/"),
    exempt: {
      "lib/sandbox/launch.ts": "a program of its own: hands on the exit code of the tool that it started",
      "services/mcpagent/runtime/lifeline.js": "runs in the started program, to end it when the agent is gone",
    },
    visit: memberRule(["Deno", "exit"], ["process", "exit"]),
    todo: "throw an error of @lib/errors/mod.ts: runProgram turns it into one line and the exit code",
    atLeast: 250,
    refuses: ["Deno.exit(1)", "process.exit(1)"],
    allows: ["Deno.exitCode = 1"],
  },
  {
    name: "`any` stands only beside its reason",
    files: () => true,
    visit: (look) => ({
      TSAnyKeyword(node) {
        const line = look.line(node);
        const excuse = look.comments().some((comment) =>
          comment.line === line - 1 && /^deno-lint-ignore .*no-explicit-any.* -- \S/.test(comment.text)
        );
        if (!excuse) look.report(node, "any");
      },
    }),
    todo:
      "give it its type, or `unknown` and a check; at an edge that has none: // deno-lint-ignore no-explicit-any -- why",
    atLeast: 400,
    refuses: ["let x: any;", "// deno-lint-ignore no-explicit-any\nlet x: any;", "f(x as any)"],
    allows: ["// deno-lint-ignore no-explicit-any -- the library's own type\nlet x: any;", '"any"; // any'],
  },
  {
    name: "what silences a checker says why",
    files: () => true,
    visit: (look) => ({
      "Program:exit"() {
        for (const comment of look.comments()) {
          const silences = /^(deno-lint-ignore(-file)?|@ts-(ignore|expect-error|nocheck)|deno-fmt-ignore(-file)?)\b/
            .test(comment.text);
          if (silences && !/ -- \S+ \S/.test(comment.text)) look.report(comment, comment.text);
        }
      },
    }),
    todo: "mend what the checker says; where it is wrong, add the reason: `-- why`",
    atLeast: 400,
    refuses: ["// deno-lint-ignore no-control-regex\nx;", "// @ts-ignore\nx;", "// deno-lint-ignore-file\nx;"],
    allows: ["// deno-lint-ignore no-eval -- a test of evil\nx;"],
  },
];

/** `new Date()`, which reads the machine's clock. */
function isNow(node: Deno.lint.NewExpression): boolean {
  return node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0;
}

const files = sourceFiles();

for (const { name, files: covers, exempt = {}, visit, todo, atLeast, refuses, allows = [] } of rules) {
  Deno.test(`source: ${name}`, () => {
    for (const code of refuses) {
      assert.notEqual(lookInto("example.ts", visit, code).length, 0, `the rule must refuse: ${code}`);
    }
    for (const code of allows) {
      assert.deepEqual(lookInto("example.ts", visit, code), [], `the rule must allow: ${code}`);
    }
    const looked = files.filter(covers);
    const found = Map.groupBy(looked.flatMap((file) => lookInto(file, visit)), ({ file }) => file);
    for (const file of Object.keys(exempt)) {
      assert.ok(found.delete(file), `${file} doesn't need its exemption: remove it from tests/rules/source_test.ts`);
    }
    assertKept({ looked: looked.length, atLeast, breaches: [...found.values()].flat(), todo });
  });
}
