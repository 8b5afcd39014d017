import { deepEqual, equal, throws } from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { checkDefinition, imageText, parseDefinition, problemText } from "./mod.ts";

const small = `name = "hello"

[[components]]
name = "web"
image = "mcr.svc.mcp.metacircular.net:8443/hello:v1.0.0"

[[components.routes]]
name = "web"
port = 443
mode = "l7"
`;

/** What checkDefinition says, line by line. */
function problemsOf(toml: string): string[] {
  return checkDefinition(toml).problems.map((problem) => problemText("x.toml", problem));
}

Deno.test("parseDefinition reads the smallest definition with every default", () => {
  deepEqual(parseDefinition(small, "x.toml"), {
    name: "hello",
    node: null,
    tier: "worker",
    active: true,
    path: "hello",
    stage: "applications",
    build: {},
    components: [{
      name: "web",
      image: {
        kind: "registry",
        registry: "mcr.svc.mcp.metacircular.net:8443",
        repository: "hello",
        tag: "v1.0.0",
        digest: null,
      },
      runtime: null,
      cmd: [],
      env: {},
      volumes: [],
      network: null,
      user: null,
      restart: "unless-stopped",
      connect: [],
      dependsOn: [],
      stopTimeoutMs: 15_000,
      health: null,
      routes: [{ name: "web", port: 443, mode: "l7", hostname: null, public: false, hostPort: null }],
    }],
  });
});

Deno.test("parseDefinition reads every key", () => {
  const definition = parseDefinition(
    `name = "metacrypt"
node = "rift"
tier = "core"
active = true
path = "services/metacrypt"
stage = "core"
[build.images]
api = "deno.json"
[[components]]
name = "api"
image = "localhost/metacrypt:v1"
runtime = "deno"
volumes = ["/srv/metacrypt:/srv/metacrypt", "/srv/ca:/srv/ca:ro"]
cmd = ["server", "--config", "/srv/metacrypt/metacrypt.toml"]
env = ["KEY=a=b"]
network = "mcpnet"
user = "0:0"
restart = "on-failure"
connect = ["mcias", "example.org:443", "[::1]:53"]
depends_on = ["mcias"]
stop_timeout_ms = 1000
health = { http = "/v1/health", tls = true, address = "127.0.0.1:18111", server_name = "metacrypt.example.org", interval_ms = 500, timeout_ms = 100, retries = 5, start_ms = 2000 }
[[components.routes]]
name = "rest"
port = 8443
mode = "l4"
hostname = "docs.example.org"
public = true
host_port = 18111
`,
    "x.toml",
  );
  const [api] = definition.components;
  equal(definition.stage, "core");
  deepEqual(api!.env, { KEY: "a=b" });
  deepEqual(api!.connect, [
    { kind: "service", name: "mcias" },
    { kind: "address", hostname: "example.org", port: 443 },
    { kind: "address", hostname: "::1", port: 53 },
  ]);
  deepEqual(api!.volumes[1], { source: "/srv/ca", target: "/srv/ca", readOnly: true });
  deepEqual(api!.health, {
    kind: "http",
    path: "/v1/health",
    address: "127.0.0.1:18111",
    tls: true,
    serverName: "metacrypt.example.org",
    intervalMs: 500,
    timeoutMs: 100,
    retries: 5,
    startMs: 2000,
  });
  equal(imageText(api!.image), "localhost/metacrypt:v1");
});

/** A change to the small definition, and everything that is then wrong. */
const refusals: [rule: string, toml: string, problems: string[]][] = [
  ["not TOML", "name = ", ["x.toml:1: is not TOML: invalid value"]],
  ["empty", "", [
    'x.toml:1: name must be given. Write name = "…" at the top',
    "x.toml:1: has no component. Add a table [[components]] with name and image",
  ]],
  ["unknown key, a slip", small.replace("mode =", "mod ="), [
    'x.toml:10: components[0].routes[0].mod: unknown key. Did you mean "mode"?',
  ]],
  ["unknown key, no near one", `flavour = "x"\n${small}`, [
    "x.toml:1: flavour: unknown key. Known here: name, node, tier, active, path, stage, build, components",
  ]],
  ["unknown table", `${small}\n[components.helth]\ntcp = true\n`, [
    'x.toml:12: components[0].helth: unknown key. Did you mean "health"?',
  ]],
  ["bad name", small.replace('"hello"', '"Hello"'), [
    'x.toml:1: name: must be a name of lower-case letters, digits and hyphens, a letter first, at most 63, got "Hello"',
  ]],
  ["image: latest", small.replace("v1.0.0", "latest"), [
    'x.toml:5: components[0].image: has the tag "latest", which says nothing about what will run: "mcr.svc.mcp.metacircular.net:8443/hello:latest". Name a version, e.g. ":v1.0.0"',
  ]],
  ["image: no tag", small.replace(":v1.0.0", ""), [
    'x.toml:5: components[0].image: has no tag, got "mcr.svc.mcp.metacircular.net:8443/hello". Name a version, e.g. ":v1.0.0"',
  ]],
  ["image: no registry", small.replace("mcr.svc.mcp.metacircular.net:8443/", ""), [
    'x.toml:5: components[0].image: must start with a registry\'s host, got "hello:v1.0.0". Write it as "registry.example.org:8443/name:v1.0.0"',
  ]],
  ["image: upper case", small.replace("8443/hello", "8443/Hello"), [
    'x.toml:5: components[0].image: must name a repository in lower case, got "mcr.svc.mcp.metacircular.net:8443/Hello:v1.0.0"',
  ]],
  ["image: missing", small.replace(/^image.*$/m, ""), [
    'x.toml:3: components[0]: image must be given. Write image = "<registry>/<name>:<version>"',
  ]],
  ["image: a bundle on the node", small.replace(/^image.*$/m, `image = "bundle:${"a".repeat(64)}"`), [
    `x.toml:5: components[0].image: names a bundle on the node, "bundle:${
      "a".repeat(64)
    }". Only the node's own platform definitions may; name an image in the registry`,
  ]],
  ["bad mode", small.replace('"l7"', '"l8"'), [
    'x.toml:10: components[0].routes[0].mode: must be one of "l4", "l7", got "l8". Did you mean "l4"?',
  ]],
  ["two routes of a name", `${small}[[components.routes]]\nname = "web"\nport = 8443\n`, [
    'x.toml:12: components[0].routes[1].name: a route "web" exists already. Routes of a component have different names: its ports are handed over as $PORT_<NAME>',
  ]],
  ["two routes without a name", small.replace('name = "web"\nport', "port") + "[[components.routes]]\nport = 8443\n", [
    'x.toml:10: components[0].routes[1]: a route "main" exists already. Routes of a component have different names: its ports are handed over as $PORT_<NAME>',
  ]],
  ["two routes on one port and name", `${small}[[components.routes]]\nname = "b"\nport = 443\n`, [
    'x.toml:13: components[0].routes[1].port: port 443 of the service\'s name is taken by route "web". Give one of them another port or hostname',
  ]],
  ["port out of range", small.replace("= 443", "= 70000"), [
    'x.toml:9: components[0].routes[0].port: must be a whole number from 1 to 65535, got "70000"',
  ]],
  ["port missing", small.replace("port = 443", ""), ["x.toml:7: components[0].routes[0]: port must be given"]],
  ["hostname in upper case", `${small}hostname = "Docs.example.org"\n`, [
    'x.toml:11: components[0].routes[0].hostname: must be a host name in lower case, got "Docs.example.org"',
  ]],
  ["hostname of one label", `${small}hostname = "docs"\n`, [
    'x.toml:11: components[0].routes[0].hostname: must be a host name in lower case, got "docs"',
  ]],
  ["two components of a name", `${small}[[components]]\nname = "web"\nimage = "localhost/x:1"\n`, [
    'x.toml:12: components[1].name: a component "web" exists already',
  ]],
  ["env without a value", small.replace('name = "web"\nimage', 'name = "web"\nenv = ["KEY"]\nimage'), [
    'x.toml:5: components[0].env: must be "KEY=value", got "KEY"',
  ]],
  [
    "env that steers the runtime",
    small.replace('name = "web"\nimage', 'name = "web"\nenv = ["LD_PRELOAD=/x.so"]\nimage'),
    [
      "x.toml:5: components[0].env: sets LD_PRELOAD, which steers the runtime below the sandbox",
    ],
  ],
  ["env that is the agent's", small.replace('name = "web"\nimage', 'name = "web"\nenv = ["PORT=80"]\nimage'), [
    "x.toml:5: components[0].env: sets PORT, which the agent sets to the port it picked. Remove it",
  ]],
  ["volume with ..", small.replace('name = "web"\nimage', 'name = "web"\nvolumes = ["/srv/../etc:/etc"]\nimage'), [
    'x.toml:5: components[0].volumes: must be "/source:/target" or "/source:/target:ro", got "/srv/../etc:/etc"',
  ]],
  ["connect without a port", small.replace('name = "web"\nimage', 'name = "web"\nconnect = ["example.org"]\nimage'), [
    'x.toml:5: components[0].connect: must be "host:port" with a port from 1 to 65535, got "example.org"',
  ]],
  ["health that checks nothing", `${small}[components.health]\nretries = 2\n`, [
    'x.toml:11: components[0].health: says nothing to check. Write http = "/v1/health" or tcp = true',
  ]],
  ["bad restart", small.replace('name = "web"\nimage', 'name = "web"\nrestart = "unless-stoped"\nimage'), [
    'x.toml:5: components[0].restart: must be one of "always", "unless-stopped", "on-failure", "no", got "unless-stoped". Did you mean "unless-stopped"?',
  ]],
  ["bad stage", `stage = "aplications"\n${small}`, [
    'x.toml:1: stage: must be one of "foundation", "core", "ingress", "registry", "management", "applications", got "aplications". Did you mean "applications"?',
  ]],
  ["build of nothing", small.replace("\n[[components]]", '[build.images]\nweb2 = "Dockerfile"\n[[components]]'), [
    'x.toml:3: build.images.web2: no component and no image is called "web2"',
  ]],
  ["a table where text belongs", small.replace('name = "hello"', "name = { a = 1 }"), [
    "x.toml:1: name: must be a string, got a table",
  ]],
];

for (const [rule, toml, problems] of refusals) {
  Deno.test(`checkDefinition names file, line and key: ${rule}`, () => deepEqual(problemsOf(toml), problems));
}

Deno.test("checkDefinition finds every problem of a text, in the order of the lines", () => {
  const toml = small.replace("v1.0.0", "latest").replace('"l7"', '"tls"').replace('"hello"', '"-"');
  deepEqual(checkDefinition(toml).problems.map(({ line, field }) => [line, field]), [
    [1, "name"],
    [5, "components[0].image"],
    [10, "components[0].routes[0].mode"],
  ]);
});

Deno.test("parseDefinition throws Invalid with one line per problem", () => {
  throws(
    () => parseDefinition(small.replace("v1.0.0", "latest").replace('"l7"', '"tls"'), "hello.toml"),
    (error) => {
      equal((error as PlatformError).code, "invalid");
      equal((error as PlatformError).field, "components[0].image");
      equal((error as PlatformError).message.split("\n").length, 2);
      return true;
    },
  );
});

Deno.test("parseDefinition takes a bundle on the node only where it is allowed", () => {
  const toml = small.replace(/^image.*$/m, `image = "bundle:${"a".repeat(64)}"`);
  equal(imageText(parseDefinition(toml, "x", { allowBundles: true }).components[0]!.image), `bundle:${"a".repeat(64)}`);
});
