/**
 * A program that has been taken over, under the flags of each of the platform's programs: what it tries beyond its grants is
 * refused by the runtime.
 *
 * Code that is made at run time — a `data:` module, a module in its data folder, `eval` — does run: the runtime has no flag
 * against it. It has the program's own grants and imports, so that it gains nothing; that is what is tried here. Nor is
 * anything tried that a declaration grants: the agent reads the services' folders and starts the deno binary, so that who
 * takes over the agent has the node.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadConfig } from "@lib/config/mod.ts";
import { commandLine, defaultDeclaration, derive, type Sandbox } from "@lib/sandbox/mod.ts";
import { writeConfigs } from "../../deploy/local/configs.ts";
import { writeWhole } from "../../deploy/local/files.ts";
import { layoutOf } from "../../deploy/local/layout.ts";
import { programs } from "../../deploy/programs.ts";
import { root } from "../platform.ts";
import type { Subject } from "./bench.ts";
import { StartedProgram } from "./started_program.ts";

// Nothing listens there or anywhere else; only the refusal is looked at. RFC 5737: for documentation.
const host = "192.0.2.1";
const linked = "follow a link that was there before the start";

/** What the runtime says when it refuses, or what stands in its place. */
const refusals =
  /^(?:Uncaught \(in promise\) |Uncaught )?(?:NotCapable: )?(?:Requires |.* requires |npm specifiers were requested; but --no-npm is specified|Deno.listenDatagram is not a function|too many attached databases - max 0|Import "jose" not a dependency|Relative import path "jose" not prefixed)/;

/** Programs that may connect to every port of this machine. The runtime has no grant for less. */
const wholeLoopback: Partial<Record<Subject, string>> = {
  mcns: "answers UDP clients, whose ports can't be known; a grant to send to an address is one to connect to it",
  mcproxy: "backends get their ports from the agent while it runs",
  mcpagent: "checks the health of programs on ports that it picks while it runs",
};

interface Outcome {
  done?: string;
  refused?: string;
}

class Escape implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "metacircular-escape-" });
  readonly layout = layoutOf(join(this.folder, "data"), 18_000);
  /** A file of another service. */
  readonly foreign: string;

  constructor(readonly program: Subject) {
    // The agent may read the folders of the services.
    const others = program === "mcpagent" ? this.folder : this.layout.srv("");
    this.foreign = join(others, "other", "data", "secret.json");
    writeConfigs(this.layout, Deno.execPath());
    writeWhole(this.foreign, '{"secret": true}');
    writeWhole(join(dirname(this.foreign), "module.js"), 'export default "another\'s";');
    Deno.copyFileSync(join(root, "tests", "sandbox", "escapes.js"), join(this.folder, "main.js"));
  }

  sandbox(): Sandbox {
    const { program } = this;
    if (program === "hello") {
      // A volume, to have a folder to write modules into.
      const extra = { write: [{ path: this.own, reason: "volume" }] };
      return derive({ declaration: defaultDeclaration("hello"), config: {}, extra });
    }
    const { schema, sandbox: declaration } = programs[program];
    const configFile = this.layout.srv(program, `${program}.toml`);
    const { config } = loadConfig({ schema, service: program, file: configFile, environment: () => undefined });
    return derive({ declaration, config, configFile });
  }

  get own(): string {
    return this.layout.srv(this.program, "data");
  }

  async attempt(): Promise<Record<string, Outcome>> {
    Deno.mkdirSync(this.own, { recursive: true });
    const link = join(this.own, "link");
    Deno.symlinkSync(this.foreign, link);
    const words = {
      own: this.own,
      foreign: this.foreign,
      foreignModule: join(dirname(this.foreign), "module.js"),
      socket: join(dirname(this.foreign), "s.sock"),
      host,
      remote: `http://${host}/module.js`,
      // One of those that the runtime imports from when nobody says otherwise.
      defaultHost: "https://raw.githubusercontent.com/module.js",
      npm: "npm:jose@6.2.17",
      link,
    };
    await using started = new StartedProgram(
      commandLine(this.sandbox(), { entry: join(this.folder, "main.js"), args: [JSON.stringify(words)] }),
      { DENO_DIR: join(this.folder, "cache"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", SECRET: "of the environment" },
      this.folder,
    );
    equal(await started.status(), 0, started.output);
    const line = started.output.split("\n").find((one) => one.startsWith('{"read another'));
    return JSON.parse(line ?? "null") as Record<string, Outcome>;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

for (const program of ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "mcpagent", "hello"] as const) {
  Deno.test(`${program}, taken over, doesn't get out of its sandbox`, async (t) => {
    using escape = new Escape(program);
    const outcomes = await escape.attempt();
    ok(Object.keys(outcomes).length > 45, "too few attempts were made");
    for (const [name, { done, refused = "" }] of Object.entries(outcomes)) {
      if (name === linked) continue;
      await t.step(`can't ${name}`, () => {
        equal(done, undefined);
        if (name === "connect to an undeclared port" && wholeLoopback[program]) {
          return match(refused, /Connection refused/);
        }
        match(refused, refusals);
      });
    }
    await t.step("follows a link that was there before, which is why it doesn't start with one", () => {
      equal(outcomes[linked]?.done, '{"secret": true}');
    });
    await t.step("has started nothing", () => equal(existsSync(join(escape.own, "spawned")), false));
    await t.step("has changed nothing outside of its folder", () => {
      equal(Deno.readTextFileSync(escape.foreign), '{"secret": true}');
      deepEqual([...Deno.readDirSync(dirname(escape.foreign))].map(({ name }) => name).sort(), [
        "module.js",
        "secret.json",
      ]);
    });
  });
}
