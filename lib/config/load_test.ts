import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { PlatformError } from "@lib/errors/mod.ts";
import {
  address,
  addresses,
  boolean,
  choice,
  cidrs,
  defineConfig,
  integer,
  path,
  required,
  tables,
  text,
} from "./mod.ts";
import { loadConfig, printConfig } from "./mod.ts";

const schema = defineConfig({
  server: {
    rest_addr: address("127.0.0.1:8443", "REST", "PORT_REST"),
    cert: path("tls/cert.pem", "certificate"),
    shutdown_timeout_ms: integer(10_000, "drain", { max: 600_000 }),
  },
  dns: {
    zone: text(required, "service zone"),
    allow: cidrs(["127.0.0.0/8"], "clients"),
    upstreams: addresses([], "upstreams"),
    mode: choice("on", ["on", "off"], "mode"),
    hot: boolean(false, "hot"),
  },
  routes: tables({ name: text(required, "name"), port: integer(443, "port", { min: 1, max: 65535 }) }, "routes"),
});

function load(toml: string, environment: Record<string, string> = {}) {
  const file = Deno.makeTempFileSync({ suffix: ".toml" });
  try {
    Deno.writeTextFileSync(file, toml);
    const loaded = loadConfig({ schema, service: "mcns", file, environment: (name) => environment[name] });
    return { ...loaded, folder: file.replace(/\/[^/]+$/, ""), file };
  } catch (error) {
    if (error instanceof PlatformError) error.message = error.message.replace(file, "x.toml");
    throw error;
  } finally {
    Deno.removeSync(file);
  }
}

Deno.test("loadConfig takes default, file, variable and $PORT_<NAME> in this order", () => {
  const { config, sources, folder } = load(
    '[server]\nshutdown_timeout_ms = 5\n[dns]\nzone = "a.test"\n[[routes]]\nname = "x"\n',
    {
      MCNS_DNS_ZONE: "b.test",
      MCNS_DNS_HOT: "true",
      PORT_REST: "9000",
    },
  );
  assert.equal(config.server.rest_addr, "127.0.0.1:9000");
  assert.equal(config.server.shutdown_timeout_ms, 5);
  assert.equal(config.server.cert, `${folder}/tls/cert.pem`);
  assert.equal(config.dns.zone, "b.test");
  assert.equal(config.dns.hot, true);
  assert.deepEqual(config.routes, [{ name: "x", port: 443 }]);
  assert.equal(sources.get("server.shutdown_timeout_ms"), "line 2");
  assert.equal(sources.get("dns.zone"), "$MCNS_DNS_ZONE");
});

Deno.test("loadConfig gives whole paths for a file that is named from the working folder", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(join(folder, "x.toml"), '[server]\nrest_addr = "unix:run/x.sock"\n[dns]\nzone = "a"\n');
    const file = join(relative(Deno.cwd(), folder), "x.toml");
    const { config } = loadConfig({ schema, service: "mcns", file, environment: () => undefined });
    assert.equal(config.server.cert, join(folder, "tls/cert.pem"));
    assert.equal(config.server.rest_addr, `unix:${join(folder, "run/x.sock")}`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

// TOML text → the exact error. `x.toml` stands for the file.
const refusals: [string, string, string?][] = [
  ['[dns]\nzone = "a"\nupstream = []', 'x.toml:3: unknown key "dns.upstream"', 'Did you mean "upstreams"?'],
  ["[dsn]\n", 'x.toml:1: unknown section "dsn"', 'Did you mean "dns"?'],
  ["[dns]\n", "x.toml:1: dns.zone: must be given (service zone)"],
  ["[dns]\nzone = 5", 'x.toml:2: dns.zone: must be a string, got "5"'],
  [
    '[dns]\nzone = "a"\nallow = ["10.0.0.0/33"]',
    'x.toml:3: dns.allow[0]: must be an IP address or network like "10.0.0.0/8", got "10.0.0.0/33"',
  ],
  ['[dns]\nzone = "a"\nmode = "maybe"', 'x.toml:3: dns.mode: must be one of on, off, got "maybe"'],
  [
    '[server]\nrest_addr = "localhost"',
    'x.toml:2: server.rest_addr: must be "host:port" with a port from 0 to 65535, got "localhost"',
  ],
  [
    "[server]\nshutdown_timeout_ms = -1",
    'x.toml:2: server.shutdown_timeout_ms: must be a whole number from 0 to 600000, got "-1"',
  ],
  [
    '[dns]\nzone = "a"\n\n[[routes]]\nname = "r"\nprot = 5',
    'x.toml:6: unknown key "routes.0.prot"',
    'Did you mean "port"?',
  ],
  ['[dns]\nzone = "a"\n[[routes]]\nname = "r"\n[[routes]]\nport = 5', "x.toml:5: routes.1.name: must be given (name)"],
  ['routes = "x"\n[dns]\nzone = "a"', "x.toml:1: routes: must be tables [[routes]]"],
  ["[dns\n", "x.toml:1:5: Invalid TOML document: illegal character in key"],
];
for (const [toml, message, hint] of refusals) {
  Deno.test(`loadConfig refuses ${JSON.stringify(toml)}`, () => {
    assert.throws(() => load(toml), (error: unknown) => {
      assert(error instanceof PlatformError);
      assert.equal(error.message, message);
      if (hint !== undefined) assert.equal(error.hint, hint);
      return true;
    });
  });
}

Deno.test("printConfig prints what loadConfig reads back the same", () => {
  const first = load('[dns]\nzone = "a.test"\n[[routes]]\nname = "x"\nport = 5\n');
  const again = load(printConfig(schema, first));
  assert.deepEqual(again.config, first.config);
});

Deno.test("loadConfig takes eight times as long, not 64 times, for eight times as many tables", () => {
  const fewMs = loadingMs(50);
  const manyMs = loadingMs(400);
  // Five times what is linear: work that grows with the square of the tables is above, a busy machine below.
  assert(manyMs < 40 * Math.max(fewMs, 1), `400 tables took ${manyMs} ms, 50 took ${fewMs} ms`);
});

/** The shortest of five times, as what else the machine does only ever adds. */
function loadingMs(tables: number): number {
  const routes = Array.from({ length: tables }, (_, i) => `[[routes]]\nname = "r${i}"\nport = ${i + 1}\n`);
  const toml = ['[dns]\nzone = "a"\n', ...routes].join("");
  const times = Array.from({ length: 5 }, () => {
    const from = performance.now();
    const { config, sources } = load(toml);
    const took = performance.now() - from;
    assert.equal(config.routes.length, tables);
    assert.equal(sources.get(`routes.${tables - 1}.port`), `line ${2 + 3 * tables}`);
    return took;
  });
  return Math.min(...times);
}
