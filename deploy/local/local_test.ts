import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { loadConfig } from "@lib/config/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { parseDefinition } from "@lib/definition/mod.ts";
import { platformServices, type ProgramName, programs } from "../programs.ts";
import { parseLocalArguments } from "./arguments.ts";
import { writeConfigs } from "./configs.ts";
import { definitionOf } from "./definitions.ts";
import { layoutOf, portUses } from "./layout.ts";

const parsed: [words: string[], data: string, base: number | null, rest: string[]][] = [
  [["up"], ".metacircular", null, []],
  [["deploy", "hello", "--data", "d"], "d", null, ["hello"]],
  [["deploy", "--", "hello", "--data=d", "--ports-base", "20000"], "d", 20_000, ["hello"]],
];
for (const [words, data, portsBase, rest] of parsed) {
  Deno.test(`parseLocalArguments reads ${words.join(" ")}`, () => {
    assert.deepEqual(parseLocalArguments(words), { verb: words[0], data: resolve(data), portsBase, words: rest });
  });
}

const refused: [words: string[], message: string, hint?: string][] = [
  [["up", "--date", "d"], 'up: unknown argument "--date"', 'Did you mean "--data"?'],
  [["up", "--data"], "--data: must be given a value"],
  [["up", "--ports-base", "many"], '--ports-base: must be a whole number, got "many"'],
];
for (const [words, message, hint] of refused) {
  Deno.test(`parseLocalArguments refuses ${words.join(" ")}`, () => {
    assert.throws(() => parseLocalArguments(words), (error: unknown) => {
      assert(error instanceof PlatformError);
      assert.equal(error.message, message);
      assert.equal(error.hint, hint);
      return true;
    });
  });
}

Deno.test("layoutOf refuses a folder too deep for unix sockets and ports out of range", () => {
  assert.throws(() => layoutOf(`/${"d".repeat(75)}`, 18_000), /at most 75 bytes/);
  assert.throws(() => layoutOf("/d", 80), /--ports-base: must be a whole number from 1024 to 64000, got "80"/);
});

Deno.test("portUses gives every part ports of its own", () => {
  const ports = portUses(layoutOf("/d", 18_000).ports).map(({ port }) => port);
  assert.equal(new Set(ports).size, ports.length);
  assert(ports.length >= 13);
});

Deno.test("writeConfigs writes what each program's own schema takes, all of it on loopback", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const layout = layoutOf(folder, 18_000);
    writeConfigs(layout, "/usr/bin/deno");
    for (const service of Object.keys(programs) as ProgramName[]) {
      const file = layout.srv(service, `${service}.toml`);
      const { config } = loadConfig({ schema: programs[service].schema, service, file, environment: () => undefined });
      const { rest_addr, grpc_addr } = (config as { server: { rest_addr: string; grpc_addr: string } }).server;
      for (const address of [rest_addr, grpc_addr]) {
        assert.match(address, new RegExp(`^(127\\.0\\.0\\.1:\\d+|unix:${folder}/.*)$`));
      }
      assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("definitionOf makes definitions that the agent takes", () => {
  const layout = layoutOf("/d", 18_000);
  for (const service of platformServices) {
    const toml = definitionOf(layout, service, `bundle:${"a".repeat(64)}`);
    const definition = parseDefinition(toml, `${service}.toml`, { allowBundles: true });
    assert.equal(definition.name, service);
    assert.deepEqual(definition.components[0]!.cmd, ["server", "--config", join("/d/srv", service, `${service}.toml`)]);
  }
});
