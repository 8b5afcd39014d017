import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { TestPlatform } from "./testing_platform.ts";

const definition = `name = "hello"
[[components]]
name = "web"
image = "mcr.test:8443/hello:v1"
[[components.routes]]
port = 443
mode = "l7"
`;

Deno.test("mcp ps lists a row per component, logged in as the local operator", async () => {
  await using platform = await TestPlatform.start();
  const { code, out, err } = await platform.mcp("ps");
  equal(err, "");
  equal(code, 0);
  const up = /running {2}v1 +(\d+d)/.exec(out)![1]!;
  equal(
    out,
    `SERVICE  COMPONENT  STATE    VERSION  ${"UP".padStart(Math.max(2, up.length))}  RESTARTS  STAGE         NAME\n` +
      `hello    web        running  v1       ${up}         1  applications  hello.svc.test\n`,
  );
  deepEqual(platform.logins, ["admin"]);
});

Deno.test("mcp keeps its session for its owner, and replaces one that was revoked", async () => {
  await using platform = await TestPlatform.start();
  await platform.mcp("ps");
  await platform.mcp("ps");
  deepEqual(platform.logins, ["admin"]);
  const file = join(platform.data, "cli", "session.json");
  equal(Deno.statSync(file).mode! & 0o777, 0o600);
  equal(Deno.statSync(join(platform.data, "cli")).mode! & 0o777, 0o700);
  platform.tokens.clear();
  equal((await platform.mcp("ps")).code, 0);
  deepEqual(platform.logins, ["admin", "admin"]);
});

Deno.test("mcp without a session and without the operator's file says how to log in", async () => {
  await using platform = await TestPlatform.start(false);
  deepEqual(await platform.mcp("ps"), { code: 1, out: "", err: "mcp: You are not logged in\n  mcp login\n" });
});

Deno.test("mcp login, logout", async () => {
  await using platform = await TestPlatform.start(false);
  platform.typed = "wrong";
  deepEqual(await platform.mcp("login", "--user", "anna"), {
    code: 1,
    out: "",
    err: "mcp: Unknown user or wrong password\n",
  });
  platform.typed = "anna's password";
  match((await platform.mcp("login", "-u", "anna")).out, /^Logged in as anna until 20\d\d-/);
  equal((await platform.mcp("ps")).code, 0);
  deepEqual(await platform.mcp("logout"), { code: 0, out: "Logged out\n", err: "" });
  equal(platform.tokens.size, 0);
  deepEqual(await platform.mcp("logout"), { code: 0, out: "There was no session\n", err: "" });
  const file = join(platform.data, "password");
  Deno.writeTextFileSync(file, "anna's password\n");
  equal((await platform.mcp("login", "--user", "anna", "--password-file", file)).code, 0);
});

Deno.test("mcp deploy sends the definition and prints the outcome", async () => {
  await using platform = await TestPlatform.start();
  const path = join(platform.data, "hello.toml");
  Deno.writeTextFileSync(path, definition);
  deepEqual(await platform.mcp("deploy", path), { code: 0, out: "hello runs web v1 at hello.svc.test\n", err: "" });
  deepEqual(platform.asked, [`deploy ${path} ${definition.length} characters`]);
});

Deno.test("mcp deploy finds a definition by its name", async () => {
  await using platform = await TestPlatform.start();
  Deno.mkdirSync(join(platform.data, "services"));
  Deno.writeTextFileSync(join(platform.data, "services", "hello.toml"), definition);
  equal((await platform.mcp("deploy", "hello")).code, 0);
  deepEqual(await platform.mcp("deploy", "hallo"), {
    code: 1,
    out: "",
    err: `mcp: No definition "hallo"\n  Looked for ${platform.data}/services/hallo.toml\n`,
  });
});

Deno.test("mcp deploy refuses a bad definition before it asks anybody, with exit code 2", async () => {
  await using platform = await TestPlatform.start();
  const path = join(platform.data, "hello.toml");
  Deno.writeTextFileSync(path, definition.replace(":v1", ":latest"));
  const { code, err } = await platform.mcp("deploy", path);
  equal(code, 2);
  match(err, /^mcp: .*\/hello\.toml:4: components\[0\]\.image: has the tag "latest"/);
  deepEqual(platform.asked, []);
});

Deno.test("mcp deploy that fails prints why and ends with the error's exit code", async () => {
  await using platform = await TestPlatform.start();
  const path = join(platform.data, "hello.toml");
  Deno.writeTextFileSync(path, definition);
  platform.deployError = "unavailable";
  deepEqual(await platform.mcp("deploy", path), {
    code: 1,
    out: "",
    err: "mcp: Cannot pull: MCR at 127.0.0.1:1 does not answer\n",
  });
  platform.deployError = "invalid";
  equal((await platform.mcp("deploy", path)).code, 2);
});

Deno.test("mcp deploy --json prints a line of JSON for each step", async () => {
  await using platform = await TestPlatform.start();
  const path = join(platform.data, "hello.toml");
  Deno.writeTextFileSync(path, definition);
  const { out } = await platform.mcp("deploy", path, "--json");
  const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  deepEqual(lines.map(({ step, state }) => `${step} ${state}`), ["pull started", "pull ok", "done ok"]);
  deepEqual(lines[0], {
    at: "2026-01-02T03:04:05Z",
    step: "pull",
    state: "started",
    detail: "hello:v1",
    error_code: "",
  });
});

for (const verb of ["undeploy", "stop", "start", "restart"]) {
  Deno.test(`mcp ${verb} asks the agent`, async () => {
    await using platform = await TestPlatform.start();
    deepEqual(await platform.mcp(verb, "hello"), { code: 0, out: `hello ${verb}\n`, err: "" });
    deepEqual(platform.asked, [`${verb} hello`]);
  });
}

Deno.test("mcp status shows components and routes, and with --sandbox each flag", async () => {
  await using platform = await TestPlatform.start();
  const { out } = await platform.mcp("status", "hello", "--sandbox");
  equal(
    out,
    `service   hello
state     running
stage     applications
deployed  2026-01-02T03:04:05Z by anna
names     hello.svc.test

component web
  state       running, healthy, pid 42 since 2026-01-02T03:04:05Z
  version     v1
  image       mcr.test:8443/hello:v1
  digest      sha256:1234
  restarts    1, last exit code 143
  route main  hello.svc.test:443 l7 to port 12345

FLAG                         REASON
--allow-net=127.0.0.1:12345  listens: route main
`,
  );
  equal((await platform.mcp("sandbox", "hello")).out, out.slice(out.indexOf("FLAG")));
  equal(JSON.parse((await platform.mcp("status", "hello", "--json")).out).components[0].last_exit_code, 143);
});

Deno.test("mcp status of an unknown service says what to do", async () => {
  await using platform = await TestPlatform.start();
  deepEqual(await platform.mcp("status", "hallo"), {
    code: 1,
    out: "",
    err: 'mcp: No service "hallo"\n  mcp ps lists those of this node\n',
  });
});

Deno.test("mcp logs shows lines, without what could drive the terminal", async () => {
  await using platform = await TestPlatform.start();
  const { out } = await platform.mcp("logs", "hello", "-f", "-n", "7", "--component", "web");
  equal(out, "2026-01-02T03:04:05Z web: up ·[31mred\n");
  deepEqual(platform.asked, ["logs hello web 7 true"]);
});

Deno.test("mcp events shows the oldest first", async () => {
  await using platform = await TestPlatform.start();
  const { out } = await platform.mcp("events", "hello", "-n", "5");
  equal(
    out,
    `AT                    SERVICE    EVENT     BY    DETAIL
2026-01-02T03:04:05Z  hello      deployed  anna  web v1
2026-01-02T03:04:05Z  hello.web  started   anna  web v1
`,
  );
  deepEqual(platform.asked, ["events hello 5"]);
});

Deno.test("mcp node status ends with 1 while something needs a look", async () => {
  await using platform = await TestPlatform.start();
  equal((await platform.mcp("node", "status")).code, 0);
  platform.problems = ["hello: is degraded"];
  const { code, out } = await platform.mcp("node", "status");
  equal(code, 1);
  ok(out.endsWith("\nproblems\n  hello: is degraded\n"), out);
});

Deno.test("mcp node shutdown asks the agent", async () => {
  await using platform = await TestPlatform.start();
  deepEqual(await platform.mcp("node", "shutdown"), { code: 0, out: "every service is stopped\n", err: "" });
});

Deno.test("mcp validate needs no platform and ends with 2 for a problem", async () => {
  await using platform = await TestPlatform.start();
  Deno.removeSync(join(platform.data, "platform.json"));
  const good = join(platform.data, "good.toml");
  const bad = join(platform.data, "bad.toml");
  Deno.writeTextFileSync(good, definition);
  Deno.writeTextFileSync(bad, definition.replace("mode", "mod"));
  deepEqual(await platform.mcp("validate", good, bad), {
    code: 2,
    out: `${good}: ok\n${bad}:7: components[0].routes[0].mod: unknown key. Did you mean "mode"?\n`,
    err: "",
  });
  equal((await platform.mcp("validate", good)).code, 0);
});

/** Command lines that are wrong in themselves. */
const slips: [args: string[], said: RegExp][] = [
  [["dploy"], /No command registered for `dploy`, did you mean `deploy`\?/],
  [["deploy"], /Expected argument for service\|file\.toml/],
  [["ps", "--jsn"], /No flag registered for --jsn, did you mean --json\?/],
  [["ps", "x"], /Too many arguments/],
  [["logs", "hello", "-n", "0"], /must be a number from 1 to 10000/],
  [["completions", "tcsh"], /must be one of bash, zsh, fish, got "tcsh"/],
];
for (const [args, said] of slips) {
  Deno.test(`mcp ${args.join(" ")} is refused with exit code 2`, async () => {
    await using platform = await TestPlatform.start();
    const { code, out, err } = await platform.mcp(...args);
    equal(code, 2);
    equal(out, "");
    match(err, said);
  });
}

Deno.test("mcp --help of every command has an example", async () => {
  await using platform = await TestPlatform.start();
  const { out } = await platform.mcp("--help");
  const commands = [...out.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((found) => found[1]!).filter((name) =>
    name !== "node"
  );
  ok(commands.length >= 14, commands.join(" "));
  for (const command of [...commands.map((name) => [name]), ["node", "status"], ["node", "shutdown"]]) {
    const help = (await platform.mcp(...command, "--help")).out;
    match(help, new RegExp(`^USAGE\\n {2}mcp ${command.join(" ")}.*\\n {4}\\S`), command.join(" "));
  }
});

Deno.test("mcp completions: a script per shell, which asks for proposals", async () => {
  await using platform = await TestPlatform.start();
  for (const shell of ["bash", "zsh", "fish"]) match((await platform.mcp("completions", shell)).out, /mcp __complete/);
  equal((await platform.mcp("__complete", "st")).out, "stop\nstart\nstatus\n");
  equal((await platform.mcp("__complete", "node", "")).out, "status\nshutdown\n");
  match((await platform.mcp("__complete", "deploy", "--")).out, /^--data\n--json\n/);
});

Deno.test("mcp with an agent that is down says who does not answer", async () => {
  await using platform = await TestPlatform.start();
  const file = join(platform.data, "platform.json");
  Deno.writeTextFileSync(file, JSON.stringify({ ...JSON.parse(Deno.readTextFileSync(file)), agent: "127.0.0.1:9" }));
  const { code, err } = await platform.mcp("ps");
  equal(code, 1);
  match(err, /127\.0\.0\.1:9/);
});
