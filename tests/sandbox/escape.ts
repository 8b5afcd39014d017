/** A program under its flags whose code is another one: what it tries, and what comes of it. */
import { equal } from "node:assert/strict";
import { dirname, join } from "node:path";
import { loadConfig } from "@lib/config/mod.ts";
import { commandLine, defaultDeclaration, derive, type Sandbox } from "@lib/sandbox/mod.ts";
import { writeConfigs } from "../../deploy/local/configs.ts";
import { writeWhole } from "../../deploy/local/files.ts";
import { type Layout, layoutOf } from "../../deploy/local/layout.ts";
import { programs } from "../../deploy/programs.ts";
import { root } from "../platform.ts";
import type { Subject } from "./bench.ts";
import { StartedProgram } from "./started_program.ts";

// Nothing listens there or anywhere else; only the refusal is looked at. RFC 5737: for documentation.
const host = "192.0.2.1";

/** What the runtime says when it refuses, or what stands in its place. */
export const refusals =
  /^(?:Uncaught \(in promise\) |Uncaught )?(?:NotCapable: )?(?:Requires |.* requires |npm specifiers were requested; but --no-npm is specified|Deno.listenDatagram is not a function|too many attached databases - max 0|Import "jose" not a dependency|Relative import path "jose" not prefixed)/;

export interface Outcome {
  done?: string;
  refused?: string;
}

export class Escape implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "metacircular-escape-" });
  readonly layout = layoutOf(join(this.folder, "data"), 18_000);
  /** A file of another service. */
  readonly foreign: string;

  /** @param config of the program; default the platform's */
  constructor(readonly program: Subject, config?: (layout: Layout) => string) {
    // The agent may read the folders of the services.
    const others = program === "mcpagent" ? this.folder : this.layout.srv("");
    this.foreign = join(others, "other", "data", "secret.json");
    writeConfigs(this.layout, Deno.execPath());
    if (config !== undefined) writeWhole(this.layout.srv(program, `${program}.toml`), config(this.layout));
    writeWhole(this.foreign, '{"secret": true}');
    writeWhole(join(dirname(this.foreign), "module.js"), 'export default "another\'s";');
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

  /** What any program could try. */
  attempt(): Promise<Record<string, Outcome>> {
    Deno.mkdirSync(this.own, { recursive: true });
    const link = join(this.own, "link");
    Deno.symlinkSync(this.foreign, link);
    return this.run("escapes.js", {
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
    });
  }

  /** Runs a file of this folder in the program's place; its argument is the words as JSON, its last line the outcomes. */
  async run(script: string, words: Record<string, string>): Promise<Record<string, Outcome>> {
    Deno.copyFileSync(join(root, "tests", "sandbox", script), join(this.folder, "main.js"));
    await using started = new StartedProgram(
      commandLine(this.sandbox(), { entry: join(this.folder, "main.js"), args: [JSON.stringify(words)] }),
      { DENO_DIR: join(this.folder, "cache"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", SECRET: "of the environment" },
      this.folder,
    );
    equal(await started.status(), 0, started.output);
    const line = started.output.trimEnd().split("\n").findLast((one) => one.startsWith('{"'));
    return JSON.parse(line ?? "null") as Record<string, Outcome>;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
