import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { unavailable } from "@lib/errors/mod.ts";
import { playSession } from "@lib/testing/mod.ts";
import { answers, served } from "./testing/sample_answers.ts";
import { scriptedMcproxy } from "./testing/scripted_mcproxy.ts";

Deno.test("mcproxyctl says why a socket can't be opened, and what to do", async () => {
  await using proxy = await scriptedMcproxy();
  const file = proxy.file("text", ""), gone = `${proxy.folder}/gone.sock`;
  await playSession(
    `
$ bare route list --socket ${gone}
mcproxyctl: MC-Proxy is not running: no socket ${gone}
  A local platform: deno task status, and deno task up to bring it back. Another one: --socket PATH.
[1]
$ bare route list --socket ${file}
mcproxyctl: --socket: must be a unix socket, got the file ${file}
  It is [server] grpc_addr in mcproxy.toml, run/admin.sock beside it where nothing else is said.
[2]
$ bare route list --data ${proxy.folder}
mcproxyctl: No platform "${proxy.folder}"
  Name its data folder with --data DIR or $MCP_DATA, or start one: deno task up
[1]
$ mcproxyctl route list --token-file ${file}
mcproxyctl: --token-file: is for a proxy that --server names; on a socket nobody is asked who they are
[2]
$ mcproxyctl route list --server-name x
mcproxyctl: --server-name: is for a proxy that --server names; on a socket nobody is asked who they are
[2]
$ mcproxyctl route list --server 127.0.0.1:1
mcproxyctl: --socket: can't be given together with --server
[2]
`,
    proxy.programs,
  );
});

Deno.test("mcproxyctl says when nobody answers on the socket any more", async () => {
  await using proxy = await scriptedMcproxy();
  const stale = `${proxy.folder}/stale.sock`;
  // Closing removes the name that it was opened by; a killed owner removes none.
  const listener = Deno.listen({ transport: "unix", path: `${stale}.new` });
  Deno.renameSync(`${stale}.new`, stale);
  listener.close();
  const { code, stderr } = await proxy.bare("status", "--socket", stale);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `mcproxyctl: MC-Proxy is not running: nobody listens on ${stale}\n  A local platform: deno task status, and deno task up to bring it back. Another one: --socket PATH.\n`,
  );
});

Deno.test("mcproxyctl finds the platform's socket in platform.json, and where it always was without that", async () => {
  await using proxy = await scriptedMcproxy(answers());
  const platform = { ca: `${proxy.folder}/ca.pem`, agent: "127.0.0.1:1", mcias: "127.0.0.1:1", admin: "admin" };
  proxy.file("platform.json", JSON.stringify({ ...platform, mcproxy: `unix:${proxy.socket}` }));
  const { code, stdout } = await proxy.bare("route", "list", "--data", proxy.folder);
  assert.deepEqual([code, stdout.split("\n").length], [0, 7]);
  proxy.file("platform.json", JSON.stringify(platform));
  const { stderr } = await proxy.bare("route", "list", "--data", proxy.folder);
  assert.match(stderr, new RegExp(`no socket ${proxy.folder}/srv/mcproxy/run/admin.sock\n`));
});

Deno.test("mcproxyctl goes to the server that it is given, with the token that it is given", async () => {
  await using proxy = await scriptedMcproxy(answers());
  const bad = proxy.file("bad-token", "bad"), empty = proxy.file("empty", "\n");
  await playSession(
    `
$ remote firewall delete x
Deleted rule x
$ remote firewall delete x --server-name proxy.example
Deleted rule x
$ remote firewall delete x --server-name other.example
mcproxyctl: …
[1]
$ remote firewall delete x --token-file ${bad}
mcproxyctl: …
[1]
$ remote firewall delete x --token-file ${empty}
mcproxyctl: --token-file: ${empty} is empty
[2]
$ bare route list --server 127.0.0.1:1
mcproxyctl: --server: needs --token-file, as there is no platform to log in to
  Or name the platform's data folder with --data, to be logged in there.
[2]
`,
    proxy.programs,
  );
  assert.deepEqual(proxy.asked, ['DeleteRule {"id":"x"}', 'DeleteRule {"id":"x"}']);
});

Deno.test("mcproxyctl --json prints the API's own JSON", async () => {
  await using proxy = await scriptedMcproxy(answers());
  const json = async (...words: string[]) => JSON.parse((await proxy.mcproxyctl(...words, "--json")).stdout);
  const route = await json("route", "show", "example.org", "--path", "/api");
  assert.deepEqual([route.tls_cert, route.max_body_bytes, route.created_at, route.health_check.interval_ms], [
    ...["", "20971520", "2026-01-02T03:04:05Z", 5000],
  ]);
  assert.deepEqual(Object.keys(await json("route", "list")), ["routes", "next_page_token"]);
  assert.deepEqual(Object.keys(await json("firewall", "list")), ["rules", "next_page_token"]);
  assert.deepEqual(await json("firewall", "unblock", "192.0.2.7"), { deleted: true });
  assert.equal((await json("firewall", "block", "192.0.2.8")).hits, "41");
  assert.equal((await json("cert", "list")).certificates.length, 4);
  assert.equal((await json("connections")).connections[0].bytes_out, "56000000");
  assert.equal((await json("explain", "example.org")).steps.length, 3);
  assert.equal((await json("firewall", "test", "192.0.2.7")).steps.length, 2, "the firewall's alone");
  assert.deepEqual(Object.keys(await json("status")), ["stats", "certificates", "routes", "next_page_token"]);
  const { stdout } = await proxy.mcproxyctl("top", "--count", "2", "--interval", "100ms", "--json");
  const lines = stdout.trim().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).routes.length), [4, 4]);
});

// How an explanation ends, and the exit code of it.
const outcomes: [answer: { outcome: string; backend?: string; status?: number }, line: string, code: number][] = [
  [{ outcome: "l7", backend: "h:1" }, "served by h:1", 0],
  [{ outcome: "l4", backend: "h:1" }, "passed on to h:1", 0],
  [{ outcome: "redirect", status: 308 }, "redirected with 308", 0],
  [
    { outcome: "maintenance", status: 503 },
    "not served: answered with 503, the route is in maintenance",
    1,
  ],
  [{ outcome: "refused", status: 429 }, "refused: answered with 429", 1],
  [{ outcome: "refused" }, "refused: the connection is closed", 1],
];
for (const [answer, line, code] of outcomes) {
  Deno.test(`mcproxyctl explain: ${line}`, async () => {
    await using proxy = await scriptedMcproxy({ explain: answer });
    assert.deepEqual(await proxy.mcproxyctl("explain", "example.org"), { code, stdout: `${line}\n`, stderr: "" });
  });
}

Deno.test("mcproxyctl explain and firewall test leave out rules about others, unless --all", async () => {
  await using proxy = await scriptedMcproxy({ explain: served });
  await playSession(
    `
$ mcproxyctl explain example.org
STAGE        RESULT  WHY
listener     choose  https (tls, 0.0.0.0:443)
firewall     pass    limit few: 3 of 200 connections
certificate  choose  for example.org, until 2026-03-01T00:00:00.000Z
route        choose  example.org (l7)
backend      choose  127.0.0.1:8080: the fewest requests

served by 127.0.0.1:8080
$ mcproxyctl firewall test 127.0.0.1 --host example.org --all
STAGE     RESULT  WHY
firewall  skip    block blocked: 127.0.0.1 is in none of 192.0.2.7
firewall  pass    limit few: 3 of 200 connections

let through
$ mcproxyctl firewall test 127.0.0.1
STAGE     RESULT  WHY
firewall  pass    limit few: 3 of 200 connections

let through
Not asked: rules about names, paths and user agents, which need --host
`,
    proxy.programs,
  );
  proxy.answers = {
    explain: { outcome: "refused", steps: [{ stage: "route", result: "refuse", detail: "no route takes the name" }] },
  };
  await playSession(
    `
$ mcproxyctl firewall test 127.0.0.1 --host nowhere.org
let through
Not asked: what comes after route: no route takes the name
`,
    proxy.programs,
  );
});

Deno.test("mcproxyctl status and cert reload end with 0 when nothing needs a look", async () => {
  const [certificate] = answers().listCertificates.certificates;
  const routes = Array.from({ length: 23 }, (_, i) => ({ listener: "https", hostname: `h${i}.org`, path: "/" }));
  await using proxy = await scriptedMcproxy({
    getStats: { startedAt: timestampFromMs(Date.now() - 60_000), listeners: [{ name: "https" }], routes },
    listCertificates: { certificates: [certificate!] },
    reloadCertificates: { certificates: [certificate!] },
  });
  const { code, stdout } = await proxy.mcproxyctl("status");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^up +60s, since \S+\nconnections +0 of clients, 0 to backends\nhealth +nothing needs a look\n\n/,
  );
  assert.match(stdout, /\nand 3 more: mcproxyctl status --all\n$/);
  assert.doesNotMatch((await proxy.mcproxyctl("status", "--all")).stdout, /more/);
  assert.equal((await proxy.mcproxyctl("cert", "reload")).code, 0);
  const [, , , broken] = answers().listCertificates.certificates;
  proxy.answers = { reloadCertificates: { certificates: [certificate!, broken!] } };
  const reloaded = await proxy.mcproxyctl("cert", "reload");
  assert.equal(reloaded.code, 1);
  assert.match(reloaded.stdout.split("\n")[1]!, /^alt .* does not belong to/, "what is wrong comes first");
});

Deno.test("mcproxyctl top prints without a terminal until nobody reads on", async () => {
  await using proxy = await scriptedMcproxy(answers());
  let reads = 0;
  const { stdout } = await proxy.on({ isRead: () => ++reads < 3 }, "top", "--interval", "100ms");
  assert.equal(stdout.match(/^ROUTE/gm)?.length, 2);
  assert.ok(!stdout.includes("\x1b"), stdout);
  await playSession(
    `
$ mcproxyctl top --once --count 2
mcproxyctl: --once: can't be given together with --count
[2]
$ mcproxyctl top --interval 20ms
mcproxyctl: --interval: must be 100ms or more, got 20ms
[2]
`,
    proxy.programs,
  );
});

Deno.test("mcproxyctl top draws over what it drew on a terminal, in its size, and outlives a proxy that doesn't answer", async () => {
  await using proxy = await scriptedMcproxy(answers());
  const { getStats } = answers();
  let pictures = 0;
  const { code, stdout } = await proxy.on(
    {
      screen: () => ({ columns: 30, rows: 12 }),
      isRead: () => {
        pictures++;
        proxy.answers = { getStats: pictures === 2 ? unavailable("MC-Proxy\x1b is restarting") : getStats };
        return pictures < 4;
      },
    },
    ...["top", "--interval", "100ms"],
  );
  assert.equal(code, 0);
  const [, first = "", second, third, ...more] = stdout.split("\x1b[H").slice(1);
  assert.deepEqual([second, third?.split(",")[0]?.slice(-3), more], [
    "MC-Proxy· is restarting\x1b[K\n\x1b[J",
    "UTC",
    [],
  ]);
  const lines = first.replaceAll("\x1b[K", "").replace("\x1b[J", "").split("\n");
  assert.ok(lines.length <= 12, first);
  assert.ok(lines.every((line) => line.length <= 30), first);
  assert.match(first, /\nROUTE.*\n.*\n.*\nand 2 more.*\n.*\nBACKEND.*\n.*\nand 1 more/);
});

Deno.test("mcproxyctl --help of every command has an example", async () => {
  await using proxy = await scriptedMcproxy();
  const commandsOf = async (...words: string[]) => {
    const { stdout } = await proxy.bare(...words, "--help");
    return [...stdout.slice(stdout.indexOf("\nCOMMANDS")).matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((found) =>
      found[1]!
    );
  };
  const groups = ["route", "firewall", "cert", "listener"];
  const commands = (await commandsOf()).filter((name) => !groups.includes(name)).map((name) => [name]);
  for (const group of groups) commands.push(...(await commandsOf(group)).map((name) => [group, name]));
  assert.ok(commands.length >= 26, commands.join(" "));
  for (const command of commands) {
    const { stdout } = await proxy.bare(...command, "--help");
    assert.match(stdout, new RegExp(`^USAGE\\n {2}mcproxyctl ${command.join(" ")}.*\\n {4}\\S`), command.join(" "));
  }
});

Deno.test("mcproxyctl completions: a script per shell, which asks for proposals", async () => {
  await using proxy = await scriptedMcproxy();
  await playSession(
    `
$ bare __complete firewall un
unblock
$ bare __complete firewall put x b
block
$ bare completions fish
complete -c mcproxyctl -f -a '(mcproxyctl __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
    proxy.programs,
  );
});
