import assert from "node:assert/strict";
import { join } from "node:path";
import type { Caller } from "@lib/auth/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { unauthenticated } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { SiteVisitor } from "@lib/web/testing/site_visitor.ts";
import { l4Route, l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, exchange } from "../testing/raw.ts";
import { webRoutes } from "./web_routes.tsx";

const account = (username: string, roles: string[]): Caller => ({
  subject: `id-${username}`,
  username,
  accountType: "human",
  roles,
  tokenId: "t",
});
const callers = [account("ada", ["admin"]), account("uma", ["user"])];

interface UnderTest extends AsyncDisposable {
  proxy: TestProxy;
  ada: SiteVisitor;
  uma: SiteVisitor;
  /** For the route "a.test". */
  backend: number;
  get(path: string): Promise<string>;
}

/** Pages over a whole proxy with routes for a.test and raw.test; MCIAS is two accounts whose password is their name. */
async function underTest(): Promise<UnderTest> {
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(answering("hello"));
  const proxy = stack.use(
    await testProxy(l7Route("a.test", "a", backend.port) + l4Route("raw.test", 9), { a: ["a.test", "b.test"] }),
  );
  const byToken = (token: string) => callers.find(({ username }) => token === `secret token of ${username}`) ?? null;
  const web = webRoutes({
    operations: proxy.running.operations,
    history: proxy.running.history,
    health: proxy.running.health,
    version: "0.0.0",
    authenticate: (token) => Promise.resolve(byToken(token)),
    login: {
      login: (username, password) =>
        password === username && byToken(`secret token of ${username}`) !== null
          ? Promise.resolve(`secret token of ${username}`)
          : Promise.reject(unauthenticated("Wrong username or password")),
      logout: () => Promise.resolve(),
    },
    clock: systemClock,
    log: silentLogger,
  });
  const [ada, uma] = await Promise.all(["ada", "uma"].map((name) => SiteVisitor.signedIn(web, name)));
  const running = stack.move();
  return {
    proxy,
    ada: ada!,
    uma: uma!,
    backend: backend.port,
    async get(path) {
      const { port, ca } = proxy;
      const answer = await exchange(
        { port, hostname: "a.test", ca },
        `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`,
      );
      return answer.slice(9, 12) + answer.slice(answer.indexOf("\r\n\r\n") + 3);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const pages = [
  "/overview",
  "/routes",
  "/routes?q=a.test",
  "/routes/https/a.test",
  "/routes/https/a.test/edit",
  "/routes/https/a.test/delete",
  "/new-route",
  "/firewall",
  "/new-rule",
  "/firewall/no-bots",
  "/explain",
  "/explain?host=a.test&path=/x&address=192.0.2.1&user_agent=bot&listener=https",
  "/certificates",
  "/connections",
];
const rule = { id: "no-bots", action: "block", priority: "10", enabled: "1", user_agents: "*bot*" };

Deno.test("pages show an admin what passes, and nobody else anything", async () => {
  await using test = await underTest();
  const { ada, uma } = test;
  assert.equal(await test.get("/"), "200\nhello");
  await ada.post("/new-rule", rule, "/new-rule");
  test.proxy.running.history.look();
  for (const path of pages) {
    const { status, html } = await ada.get(path);
    assert.equal(status, 200, `${path}\n${html}`);
    assert.doesNotMatch(html, /style="|secret token|undefined|NaN|\[object/, path);
    const refused = await uma.get(path);
    assert.equal(refused.status, 403, path);
    assert.doesNotMatch(refused.html, /a\.test|no-bots|127\.0\.0\.1/, path);
  }
  assert.match((await ada.get("/overview")).html, /Everything works[^]*At most 0\.4\/s; now 0\.4\/s answered/);
  assert.match((await ada.get("/routes")).html, /a\.test[^]*>1<[^]*raw\.test[^]*passthrough/);
  assert.match((await ada.get("/routes/https/a.test")).html, /Answered 2xx[^]*mark good">well/);
  assert.match((await ada.get("/certificates")).html, /a\.test, b\.test[^]*mark good">well/);
  assert.match((await ada.get("/explain?host=a.test&user_agent=robot")).html, /403[^]*Refused[^]*block no-bots/);
  assert.equal((await ada.get("/routes/https/nobody.test")).status, 404);
});

Deno.test("pages make, change and delete routes, and the next request meets them", async () => {
  await using test = await underTest();
  const { ada, backend } = test;
  const path = { listener: "https", hostname: "a.test", path: "/shop", mode: "l7", backend_protocol: "h1" };
  const made = await ada.post("/new-route", { ...path, redirect_to: "https://shop.test{uri}" }, "/new-route");
  assert.equal(made.at, "/routes/https/a.test?path=%2Fshop", made.html);
  assert.match(made.html, /a\.test\/shop added\./);
  assert.match(await test.get("/shop/1"), /^308/);
  const again = await ada.post("/new-route", { ...path, redirect_to: "https://other.test" }, "/new-route");
  assert.equal(again.status, 409);
  assert.match(again.html, /Cannot add route .*https a\.test\/shop.*: there is one already/);

  const edit = "/routes/https/a.test/edit?path=%2Fshop";
  const { html } = await ada.get(edit);
  const version = versionIn(html);
  assert.match(html, /name="redirect_to" value="https:\/\/shop\.test\{uri\}"|value="https:\/\/shop\.test\{uri\}"/);
  const changed = { ...path, version, backends: `127.0.0.1:${backend}`, response_headers: "set x-frame-options: DENY" };
  assert.match((await ada.post(edit, changed, edit)).html, /Saved\.[^]*set x-frame-options: DENY/);
  assert.equal(await test.get("/shop/1"), "200\nhello");
  const late = await ada.post(edit, { ...changed, strip_path: "1" }, edit);
  assert.equal(late.status, 409);
  assert.match(late.html, /somebody else has changed it/);

  const remove = "/routes/https/a.test/delete?path=%2Fshop";
  const early = await ada.post(remove, { version }, edit);
  assert.equal(early.status, 409);
  assert.match(early.html, /Cannot delete route[^]*somebody else has changed it/);
  const gone = await ada.post(remove, { version: versionIn(early.html) }, edit);
  assert.equal(gone.at, "/routes");
  assert.match(gone.html, /a\.test\/shop deleted\./);
  // What others stand on is refused with the reason.
  await ada.post("/new-route", { ...path, redirect_to: "https://shop.test" }, "/new-route");
  const root = (await ada.get("/routes/https/a.test/delete")).html;
  const stays = await ada.post("/routes/https/a.test/delete", { version: versionIn(root) }, edit);
  assert.equal(stays.status, 409);
  assert.match(stays.html, /\/shop stand on it/);
});

const versionIn = (html: string): string => /name="version" value="([0-9a-f]{16})"/.exec(html)![1]!;

Deno.test("pages keep every setting of a route that they change", async () => {
  await using test = await underTest();
  const { ada, proxy, backend } = test;
  await Deno.writeTextFile(join(proxy.dir, "certs", "clients.pem"), proxy.ca);
  proxy.running.router.put({
    ...{ listener: "https", hostname: "a.test", mode: "l7", backends: [`127.0.0.1:${backend}`, "127.0.0.1:9"] },
    ...{ tlsCert: "a.pem", tlsKey: "a.key", backendProtocol: "tls", backendName: "b.test", sendProxyProtocol: "v2" },
    requestHeaders: [{ op: "set", name: "x-a", value: "1: 2" }, { op: "remove", name: "x-b", value: "" }],
    responseHeaders: [{ op: "add", name: "x-c", value: "" }],
    ...{ compress: true, maxBodyBytes: 1000, responseTimeoutMs: 2000, clientCert: "asked", clientCa: "clients.pem" },
    healthCheck: { path: "/up", intervalMs: 3000, timeoutMs: 1000, expectedStatuses: ["204", "401"], host: "b.test" },
  });
  const stored = () => proxy.routes().find(({ hostname }) => hostname === "a.test")!;
  const before = stored();
  const page = "/routes/https/a.test";
  const begun = await ada.post(`${page}/maintenance`, { maintenance: "back\r\nsoon" }, page);
  assert.match(begun.html, /Visitors get the maintenance text[^]*back\nsoon/);
  assert.equal(await test.get("/"), "503\nback\nsoon\n");
  assert.match((await ada.post(`${page}/maintenance`, {}, page)).html, /Maintenance has ended/);
  assert.deepEqual({ ...stored(), updatedAt: 0 }, { ...before, updatedAt: 0 });

  const shown = (await ada.get(page)).html;
  assert.match(shown, /client certificate asked[^]*Certificates of clients<\/dt><dd[^>]*>asked[^]*clients\.pem/);

  // And by the form itself, sent as a browser sends it.
  const { html } = await ada.get(`${page}/edit`);
  await ada.post(`${page}/edit`, formFields(html), page);
  assert.deepEqual({ ...stored(), updatedAt: 0 }, { ...before, updatedAt: 0 });
});

/** What a browser would send of the form in the page's content, unchanged. */
function formFields(html: string): Record<string, string> {
  const form = html.slice(html.indexOf('class="wide-form"'));
  const text = (escaped: string) =>
    escaped.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&#39;", "'").replaceAll("&amp;", "&");
  const fields: Record<string, string> = {};
  for (const [tag] of form.matchAll(/<input [^>]*>/g)) {
    if (/type="checkbox"/.test(tag) && !/ checked/.test(tag)) continue;
    const name = / name="([^"]*)"/.exec(tag)?.[1];
    if (name !== undefined) fields[name] = text(/ value="([^"]*)"/.exec(tag)?.[1] ?? "");
  }
  for (const [, name, value] of form.matchAll(/<textarea [^>]*name="([^"]*)"[^>]*>([^<]*)<\/textarea>/g)) {
    fields[name!] = text(value!).replaceAll("\n", "\r\n");
  }
  for (const [, name, options] of form.matchAll(/<select [^>]*name="([^"]*)"[^>]*>(.*?)<\/select>/gs)) {
    const all = [...options!.matchAll(/<option value="([^"]*)"([^>]*)>/g)];
    fields[name!] = (all.find(([, , rest]) => rest!.includes("selected")) ?? all[0])![1]!;
  }
  return fields;
}

Deno.test("pages show a refused value beside its field, with what was typed", async () => {
  await using test = await underTest();
  const { ada } = test;
  const route = { listener: "https", hostname: "c.test", mode: "l7", backend_protocol: "h1", tls_cert: "a.pem" };
  const rows: [path: string, fields: Record<string, string>, field: string, error: RegExp][] = [
    ["/new-route", { ...route, backends: "192.0.2.1:80" }, "backends", /may not connect to/],
    ["/new-route", { ...route, backends: "127.0.0.1:1", hostname: "-x" }, "hostname", /must be a DNS name/],
    ["/new-route", { ...route, backends: "127.0.0.1:1", max_body_bytes: "1 MB" }, "max_body_bytes", /whole number/],
    [
      "/new-route",
      { ...route, backends: "127.0.0.1:1", tls_key: "a.key", client_cert: "asked", client_ca: "none.pem" },
      "client_ca",
      /cannot read/,
    ],
    ["/new-route", { ...route, request_headers: "x-a=1" }, "request_headers", /takes lines like/],
    ["/new-route", { ...route, redirect_to: "elsewhere" }, "redirect_to", /to must be/],
    ["/new-rule", { ...rule, cidrs: "300.1.1.1" }, "cidrs", /300\.1\.1\.1/],
    ["/new-rule", { ...rule, action: "limit", rate: "often", burst: "1" }, "rate", /must be a number/],
    ["/new-rule", { ...rule, priority: "-1" }, "priority", /whole number/],
    ["/new-rule", { ...rule, id: "No Bots" }, "id", /must be 1 to 63/],
  ];
  for (const [path, fields, field, error] of rows) {
    const { status, html } = await ada.post(path, fields, path);
    const what = `${path} ${field}\n${html}`;
    assert.equal(status, 400, what);
    const beside = new RegExp(`id="${field}-error"[^>]*>([^<]*)`).exec(html)?.[1];
    assert.ok(beside !== undefined, what);
    assert.match(beside, error);
    assert.ok(html.includes(fields[field]!), what);
  }
  // Of several fields that belong together, below them.
  const check = {
    backends: "127.0.0.1:1",
    tls_key: "a.key",
    health_check: "1",
    health_path: "/",
    health_statuses: "2xx",
  };
  const { status, html } = await ada.post("/new-route", { ...route, ...check }, "/new-route");
  assert.equal(status, 400);
  assert.match(html, /value="2xx"[^]*role="alert">expected_statuses must be from 200 to 599/);
  const alone = await ada.post("/new-route", { ...route, ...check, health_check: "", sign_in: "1" }, "/new-route");
  assert.match(alone.html, /role="alert">needs MCIAS, and admin\.mcias_addr is empty/);
  assert.equal(test.proxy.routes().length, 2);
});

Deno.test("pages make, switch, change and delete rules, and the next request meets them", async () => {
  await using test = await underTest();
  const { ada } = test;
  const closed = { id: "closed", action: "block", priority: "10", enabled: "1", paths: "/admin/*" };
  const made = await ada.post("/new-rule", closed, "/new-rule");
  assert.match(made.html, /closed added\.[^]*mark bad">block[^]*\/admin\/\*/);
  assert.match(await test.get("/admin/x"), /^403/);
  assert.match((await ada.get("/firewall")).html, /data-label="Hits">1</);
  const off = await ada.post("/firewall/closed/switch", { to: "off" }, "/firewall");
  assert.match(off.html, /closed is off\.[^]*switched off/);
  assert.match(await test.get("/admin/x"), /^200/);
  await ada.post("/firewall/closed/switch", { to: "on" }, "/firewall");
  assert.match(await test.get("/admin/x"), /^403/);
  const page = "/firewall/closed";
  const version = versionIn((await ada.get(page)).html);
  const again = await ada.post("/new-rule", { ...closed, action: "allow" }, "/new-rule");
  assert.equal(again.status, 409);
  assert.match(again.html, /Cannot add firewall rule[^]*there is one already/);
  const saved = await ada.post(page, { ...closed, version, paths: "/other" }, page);
  assert.match(saved.html, /closed saved/);
  assert.match(await test.get("/admin/x"), /^200/);
  const late = await ada.post(page, { ...closed, version, note: "late" }, page);
  assert.equal(late.status, 409);
  assert.match(late.html, /Cannot change firewall rule[^]*somebody else has changed it/);
  const early = await ada.post(`${page}/delete`, { version }, "/firewall");
  assert.equal(early.status, 409);
  assert.match(early.html, /Cannot delete firewall rule[^]*somebody else has changed it/);
  assert.match(
    (await ada.post(`${page}/delete`, { version: versionIn(early.html) }, "/firewall")).html,
    /closed deleted\.[^]*There are no rules/,
  );
});

Deno.test("pages take no form without the session's token, and none from who is no admin", async () => {
  await using test = await underTest();
  const forms: [path: string, fields: Record<string, string>][] = [
    ["/new-route", { listener: "https", hostname: "c.test", mode: "l4", backends: "127.0.0.1:1" }],
    ["/routes/https/a.test/edit", { mode: "l7" }],
    ["/routes/https/a.test/delete", {}],
    ["/routes/https/a.test/maintenance", { maintenance: "x" }],
    ["/new-rule", rule],
    ["/firewall/no-bots", rule],
    ["/firewall/no-bots/switch", { to: "off" }],
    ["/firewall/no-bots/delete", {}],
    ["/certificates/reload", {}],
  ];
  for (const [path, fields] of forms) {
    assert.equal((await test.ada.post(path, fields)).status, 403, path);
    assert.equal((await test.uma.post(path, fields, "/overview")).status, 403, path);
  }
  assert.deepEqual(test.proxy.routes().map(({ hostname, maintenance }) => [hostname, maintenance]), [
    ["a.test", ""],
    ["raw.test", ""],
  ]);
  assert.match((await test.ada.get("/firewall")).html, /There are no rules/);
});

Deno.test("pages escape what is stored and what visitors send", async () => {
  await using test = await underTest();
  const { ada } = test;
  const evil = `"><script>alert(1)</script>'</textarea>`;
  const page = "/routes/https/a.test";
  const seen = [
    await ada.post(`${page}/maintenance`, { maintenance: evil }, page),
    await ada.get(`${page}/edit`),
    await ada.post("/new-rule", { ...rule, note: evil, user_agents: evil }, "/new-rule"),
    await ada.get("/firewall/no-bots"),
    await ada.post("/new-route", { hostname: evil, backends: evil, maintenance: evil }, "/new-route"),
    await ada.get(`/routes?q=${encodeURIComponent(evil)}`),
    await ada.get(`/explain?host=${encodeURIComponent(evil)}&user_agent=${encodeURIComponent(evil)}`),
    await ada.get(`/routes/https/${encodeURIComponent(evil)}`),
  ];
  for (const { html, at } of seen) assert.doesNotMatch(html, /<script>|<\/textarea>'/, at);
  assert.match(seen[0]!.html, /&lt;script&gt;alert\(1\)/);
});
