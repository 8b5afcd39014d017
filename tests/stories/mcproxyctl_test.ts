/** An operator's day with mcproxyctl, as a terminal shows it, on an MC-Proxy in its sandbox; the tool is in its own. */
import { equal, match } from "node:assert/strict";
import { playSession, type Ran } from "@lib/testing/mod.ts";
import { McproxyProcess } from "../peers/mcproxy_process.ts";
import { run, task } from "../platform.ts";

Deno.test("mcproxyctl manages routes, firewall and certificates of a proxy", async (t) => {
  await using proxy = await McproxyProcess.start({
    names: ["web.test", "www.web.test"],
    // A connection that says nothing is looked at for longer than that takes on a slow machine.
    config: { limits: ["hello_timeout_ms = 60_000"] },
  });
  const answer = (name: string) => (request: Request) =>
    new Response(`${name} got ${new URL(request.url).pathname} with x-team ${request.headers.get("x-team")}\n`);
  const serve = (name: string) => Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer(name));
  await using one = serve("one");
  await using two = serve("two");
  const at = (server: Deno.HttpServer<Deno.NetAddr>) => `127.0.0.1:${server.addr.port}`;
  const socket = proxy.adminSocket.slice("unix:".length);
  const curl = (path = "/", ...more: string[]): Promise<Ran> =>
    run("curl", [
      ...["--silent", "--show-error", "--max-time", "10", "--cacert", proxy.ca, ...more],
      ...["--resolve", `web.test:${proxy.port}:127.0.0.1`, `https://web.test:${proxy.port}${path}`],
    ]);
  const programs = { mcproxyctl: (...words: string[]) => task("mcproxyctl", ...words, "--socket", socket), curl };
  const play = (session: string) => playSession(session, programs);

  await t.step("a route serves when the command returns", () =>
    play(`
$ mcproxyctl route list
LISTENER  HOST  PATH  MODE  TO  CERTIFICATE
$ mcproxyctl route put web.test --backend ${at(one)} --cert web.pem --key web.key --request-header 'set X-Team: web'
host             web.test
listener         https
mode             l7, TLS ends here
path             /
backends         ${at(one)}
protocol         HTTP/1.1 in the clear
certificate      ${proxy.folder}/certs/web.pem
key              ${proxy.folder}/certs/web.key
request headers  set x-team: web
created          …
changed          …
version          …
$ curl /hello
one got /hello with x-team web
`));

  await t.step("what can't be is refused in terms of what was given", () =>
    play(`
$ mcproxyctl route put web.test --backend ${at(one)} --cert ../web.pem --key web.key
mcproxyctl: --cert: must lie below ${proxy.folder}/certs, without "." or ".." in it, got "../web.pem"
  The folder is "[certificates] dir" in mcproxy.toml; it is all that the proxy may read
[2]
$ mcproxyctl route put web.test --backend 192.0.2.1:80 --cert web.pem --key web.key
mcproxyctl: --backend: "192.0.2.1:80" is on a host that the proxy may not connect to; allowed: 127.0.0.1
  Add the host to "[backends] allow_hosts" in mcproxy.toml and restart MC-Proxy
[2]
$ mcproxyctl listener put alt 127.0.0.1:1
mcproxyctl: …
  …
[2]
`));

  await t.step("backends are changed without a word to anybody else", async () => {
    equal(
      (await programs.mcproxyctl("route", "backends", "web.test", "--add", at(two), "--remove", at(one))).code,
      0,
    );
    await play(`\n$ curl /x\ntwo got /x with x-team web\n`);
  });

  await t.step("maintenance is put on and taken off, and the rest of the route stays", async () => {
    match(
      (await programs.mcproxyctl("route", "maintenance", "web.test", "--on", "Back soon")).stdout,
      /maintenance +Back soon/,
    );
    const { stdout } = await curl("/", "--write-out", " %{http_code}");
    match(stdout, /Back soon[^]* 503$/);
    const explained = await programs.mcproxyctl("explain", "web.test");
    equal(explained.code, 1);
    match(explained.stdout, /\nnot served: answered with 503, the route is in maintenance\n$/);
    equal((await programs.mcproxyctl("route", "maintenance", "web.test", "--off")).code, 0);
    await play(`\n$ curl /\ntwo got / with x-team web\n`);
  });

  await t.step("explain goes the way of a request", () =>
    play(`
$ mcproxyctl explain web.test /hello
STAGE        RESULT  WHY
listener     …
certificate  choose  for web.test, www.web.test, until …
route        choose  web.test (l7)
backend      choose  ${at(two)}:…

served by ${at(two)}
$ mcproxyctl explain nowhere.test
STAGE     RESULT  WHY
listener  …
route     refuse  …

refused: the connection is closed
[1]
`));

  await t.step("a blocked address is refused at once, and firewall test says so before", async () => {
    await play(`
$ mcproxyctl firewall test 127.0.0.1 --host web.test
let through
$ mcproxyctl firewall block 127.0.0.0/8 2001:DB8::7/128
PRIORITY  RULE     ACTION  OF                        ABOVE  HITS  NOTE
       0  blocked  block   127.0.0.0/8, 2001:db8::7            0
$ mcproxyctl firewall test 127.0.0.1
STAGE     RESULT  WHY
firewall  refuse  block blocked: …

refused: …
[1]
`);
    equal((await curl()).code !== 0, true, "curl gets no connection");
    match(
      (await programs.mcproxyctl("firewall", "list")).stdout,
      /\n +0 +blocked +block +127.0.0.0\/8, 2001:db8::7 +1\n/,
    );
    await play(`
$ mcproxyctl firewall unblock 127.0.0.0/8
PRIORITY  RULE     ACTION  OF           ABOVE  HITS  NOTE
       0  blocked  block   2001:db8::7            1
$ mcproxyctl firewall unblock 2001:db8::7
Nobody is blocked by address any more
$ curl /
two got / with x-team web
`);
  });

  await t.step("a rule about requests answers 403, and is switched off again", async () => {
    equal((await programs.mcproxyctl(...["firewall", "put", "bots", "block", "--user-agent", "*bot*"])).code, 0);
    match((await curl("/", "--user-agent", "Robot/1", "--write-out", " %{http_code}")).stdout, / 403$/);
    match(
      (await programs.mcproxyctl("explain", "web.test", "/", "127.0.0.1", "Robot/1")).stdout,
      /\nrefused: answered with 403\n$/,
    );
    match((await programs.mcproxyctl("firewall", "disable", "bots")).stdout, /block, disabled/);
    await play(`\n$ curl / --user-agent Robot/1\ntwo got / with x-team web\n`);
    await play(`\n$ mcproxyctl firewall delete bots\nDeleted rule bots\n`);
  });

  await t.step("certificates, status, connections and top show what there is", async () => {
    await play(`
$ mcproxyctl cert list
LISTENER  HOST      DAYS LEFT  STATE…NAMES
https     web.test  …  web.test www.web.test
`);
    const status = await programs.mcproxyctl("status");
    match(status.stdout, /^up +\d+s, since /);
    match(status.stdout, /\nhttps +127\.0\.0\.1:\d+ +\d+ +\d+ +1 firewall\n/);
    match(status.stdout, /\nhttps web\.test +l7 +127\.0\.0\.1:\d+ +0 /);
    {
      using _open = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
      await play(`
$ mcproxyctl connections
CLIENT           HOST  LISTENER  PROTOCOL   SINCE  REQUESTS   IN  OUT
127.0.0.1:…        https     handshake     …         0  0 B  0 B
`);
    }
    const { code, stdout } = await programs.mcproxyctl("top", "--once", "--interval", "200ms");
    equal(code, 0);
    match(stdout, /^\d\d:\d\d:\d\d UTC, up \d+s, .*\n\nROUTE .*\nhttps web\.test /);
  });

  await t.step("a deleted route is gone at once, and deleting it again is no error", async () => {
    await play(`
$ mcproxyctl route delete web.test
Deleted route https web.test
$ mcproxyctl route delete web.test
There was no route https web.test
`);
    equal((await curl()).code !== 0, true, "no route takes the name");
  });
});
