/**
 * A platform that was laid down but not booted: each program is started by itself, with the flags that the agent would
 * give it, less a grant where the test takes one away.
 * @module
 */
import { dirname, join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { type ComponentDefinition, parseDefinition } from "@lib/definition/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { createRoot, encryptKeyPem, exportKeyPem } from "@lib/pki/mod.ts";
import { commandLine, derive, type Grant, type Sandbox } from "@lib/sandbox/mod.ts";
import { adminName, bootstrap } from "../../deploy/local/bootstrap.ts";
import { type BuiltBundle, bundle } from "../../deploy/bundle/bundle.ts";
import { writeWhole } from "../../deploy/local/files.ts";
import { type Layout, layoutOf, loopback, registryName } from "../../deploy/local/layout.ts";
import { type ProgramName, programs } from "../../deploy/programs.ts";
import { readBundle } from "../../services/mcpagent/runtime/bundle.ts";
import { portVariables } from "../../services/mcpagent/domain/ports.ts";
import { storeBundle } from "../../services/mcpagent/runtime/bundle_store.ts";
import { sandboxOf } from "../../services/mcpagent/runtime/launch.ts";
import { lifelineSource } from "../../services/mcpagent/runtime/lifeline.ts";
import { freePortsBase, root } from "../platform.ts";
import { StartedProgram } from "./started_program.ts";

export type Subject = ProgramName | "hello";

/** How a program is started. */
interface Launch {
  sandbox: Sandbox;
  entry: string;
  args: readonly string[];
  env: Record<string, string>;
}

export interface StartOptions {
  /** Taken away. */
  without?: Grant;
  /** Where the runtime writes what the program asks for. */
  audit?: string;
}

const silent = { start() {}, done() {}, fail() {} };

export class SandboxBench implements Disposable {
  /** Of the administrator. */
  token = "";
  hello!: BuiltBundle;
  readonly #folder = Deno.makeTempDirSync({ prefix: "metacircular-sandbox-" });
  readonly layout: Layout = layoutOf(join(this.#folder, "data"), freePortsBase());

  static async make(): Promise<SandboxBench> {
    const bench = new SandboxBench();
    try {
      await bench.#makeOldRoot();
      await bootstrap(bench.layout, root, silent);
      bench.hello = await bundle({
        root,
        name: "hello",
        entry: "deploy/examples/hello/main.ts",
        builtAt: new Date(),
      });
      bench.keepHello();
      bench.#setDefinitionsAside();
      return bench;
    } catch (error) {
      bench[Symbol.dispose]();
      throw error;
    }
  }

  /** Unpacks hello where the agent has its bundles. */
  keepHello(): void {
    const { sha256, config, files } = this.hello;
    storeBundle(this.bundlesDir, sha256, config, files);
  }

  /** Of the administrator. */
  get password(): string {
    return Deno.readTextFileSync(this.layout.adminPassword).trim();
  }

  /** Gets the administrator's token; MCIAS runs. */
  async logIn(): Promise<void> {
    const login = await this.rest("mcias", "POST /v1/auth/login", { username: adminName, password: this.password });
    this.token = String(JSON.parse(login).token);
  }

  /** Text with the data folder's path left out. */
  readonly shown = (text: string): string => text.replaceAll(this.layout.data, "<data>");

  get bundlesDir(): string {
    return this.layout.srv("mcpagent", "bundles");
  }

  get ca(): string {
    return Deno.readTextFileSync(this.layout.pki.root);
  }

  /** A file for the runtime's log, or another of the test's own. */
  scratch(name: string): string {
    return join(this.#folder, name);
  }

  /** TLS settings of a client of the platform's gRPC listeners. */
  get tls(): { ca: string; serverName: string } {
    return { ca: this.ca, serverName: "localhost" };
  }

  /** hello's definition with this image. */
  helloDefinition(image: string): string {
    const toml = Deno.readTextFileSync(join(root, "deploy", "examples", "hello", "hello.toml"));
    return toml.replace(/\[build\.images\]\n.*\n/, "").replace(/^path = .*\n/m, "")
      .replace(/^image = .*$/m, `image = "${image}"`);
  }

  grants(subject: Subject): Grant[] {
    return this.#launch(subject).sandbox.grants;
  }

  start(subject: Subject, options: StartOptions = {}): StartedProgram {
    return this.#run(this.#launch(subject), options);
  }

  /** Grants of a verb of a program with a config. */
  verbGrants(subject: ProgramName, verb: string): Grant[] {
    return this.#verbLaunch(subject, [verb]).sandbox.grants;
  }

  /** Runs a verb, with the words that follow it, to its end. @returns its exit code and output */
  async verb(
    subject: ProgramName,
    words: readonly string[],
    options: StartOptions = {},
  ): Promise<{ code: number; output: string }> {
    const program = this.#run(this.#verbLaunch(subject, words), options);
    const code = await program.status();
    return { code, output: program.output };
  }

  #run({ sandbox, entry, args, env }: Launch, { without, audit }: StartOptions): StartedProgram {
    const grants = sandbox.grants.filter((grant) =>
      without === undefined || grant.kind !== without.kind || grant.value !== without.value
    );
    const lifeline = this.scratch("lifeline.js");
    Deno.writeTextFileSync(lifeline, lifelineSource([]));
    return new StartedProgram(
      commandLine({ ...sandbox, grants }, { entry, preload: lifeline, args }),
      {
        ...env,
        DENO_DIR: this.layout.srv("mcpagent", "cache"),
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
        ...(audit === undefined ? {} : { DENO_AUDIT_PERMISSIONS: audit }),
      },
      dirname(entry),
    );
  }

  /** Started, and serving. */
  async serving(subject: Subject): Promise<StartedProgram> {
    const program = this.start(subject);
    await program.until(/ ready service=/);
    return program;
  }

  /** The port that hello is given: one that is known to be free, because hello runs alone. */
  get helloPort(): number {
    return this.layout.ports.mcr.rest;
  }

  /** Calls a service over REST: "GET /v1/zones". @returns the body; throws for any status but 200 */
  async rest(service: Exclude<ProgramName, "mcproxy" | "mcpagent">, call: string, body?: unknown): Promise<string> {
    const [method = "", path = ""] = call.split(" ");
    const address = `${loopback}:${this.layout.ports[service].rest}`;
    const client = new HttpsClient({ address, ...this.tls, timeoutMs: 5000 });
    try {
      const answer = await client.request({
        method,
        path,
        headers: {
          "content-type": "application/json",
          ...(this.token === "" ? {} : { authorization: `Bearer ${this.token}` }),
        },
        ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) }),
      });
      const text = await new Response(answer.body).text();
      if (answer.status !== 200) throw new Error(`${call}: ${answer.status} ${text}`);
      return text;
    } finally {
      client.close();
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  /** Nothing begins before its issuer: certificates of which a third is left need a root of some age. */
  async #makeOldRoot(): Promise<void> {
    const { root, rootKey, rootPassphrase } = this.layout.pki;
    const clock = { ...systemClock, now: () => Date.now() - 100 * 86_400_000 };
    const made = await createRoot({ name: "Metacircular Root", days: 3650, clock });
    Deno.mkdirSync(dirname(root), { recursive: true, mode: 0o700 });
    writeWhole(rootPassphrase, "of the sandbox tests\n");
    writeWhole(rootKey, await encryptKeyPem(await exportKeyPem(made.key), "of the sandbox tests"));
    writeWhole(root, made.certificatePem);
  }

  /** The agent boots the ingress alone: the other programs are started by the tests. */
  #setDefinitionsAside(): void {
    Deno.mkdirSync(this.scratch("definitions"));
    for (const { name } of [...Deno.readDirSync(this.layout.srv("mcpagent", "platform"))]) {
      const file = this.layout.srv("mcpagent", "platform", name);
      Deno.copyFileSync(file, join(this.scratch("definitions"), name));
      if (name !== "mcproxy.toml") Deno.removeSync(file);
    }
  }

  #launch(subject: Subject): Launch {
    if (subject === "mcpagent") return this.#agentLaunch();
    const platform = subject !== "hello";
    const definition = platform
      ? this.#component(Deno.readTextFileSync(join(this.scratch("definitions"), `${subject}.toml`)))
      : this.#component(this.helloDefinition(`${registryName}/hello:v1`).replace("GREETING=Hello", "GREETING=Moin"));
    const image = definition.image;
    const found = readBundle(this.bundlesDir, image.kind === "bundle" ? image.sha256 : this.hello.sha256);
    const ports = Object.fromEntries(definition.routes.map(({ name }) => [name, this.helloPort]));
    const sandbox = sandboxOf({ service: subject, definition, bundle: found, ports, peers: [], platform }, {
      nodeAddress: loopback,
      srvDir: this.layout.srv(""),
      runDir: this.layout.srv("mcpagent", "run"),
      cacheDir: this.layout.srv("mcpagent", "cache"),
      caCert: this.layout.pki.root,
    });
    return { sandbox, entry: found.entry, args: definition.cmd, env: { ...definition.env, ...portVariables(ports) } };
  }

  #verbLaunch(subject: ProgramName, words: readonly string[]): Launch {
    const { entry } = this.#launch(subject);
    const { schema, sandbox: declaration } = programs[subject];
    const configFile = this.layout.srv(subject, `${subject}.toml`);
    const { config } = loadConfig({ schema, service: subject, file: configFile, environment: () => undefined });
    const sandbox = derive({ declaration, config, configFile, verb: words[0]! });
    return { sandbox, entry, args: [...words, "--config", configFile], env: {} };
  }

  #component(toml: string): ComponentDefinition {
    return parseDefinition(toml, "definition.toml", { allowBundles: true }).components[0]!;
  }

  #agentLaunch(): Launch {
    const configFile = this.layout.srv("mcpagent", "mcpagent.toml");
    const { schema, sandbox: declaration } = programs.mcpagent;
    const { config } = loadConfig({ schema, service: "mcpagent", file: configFile, environment: () => undefined });
    const sha256 = Deno.readTextFileSync(this.layout.srv("mcpagent", "agent-bundle")).trim();
    return {
      sandbox: derive({ declaration, config, configFile }),
      entry: join(this.bundlesDir, sha256, "main.js"),
      args: ["server", "--config", configFile],
      env: {},
    };
  }
}
