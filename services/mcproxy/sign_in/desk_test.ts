import assert from "node:assert/strict";
import { join } from "node:path";
import { H2Client } from "../testing/h2.ts";
import { exchange, tlsClient } from "../testing/raw.ts";
import { browser, cookiesOf, form, signIn, underTest } from "../testing/sign_in.ts";

Deno.test("Desk signs in by a form, and the cookie is good for this name until MCIAS says otherwise", async () => {
  await using test = await underTest();
  const { answer, cookies } = await signIn(test, "ada");
  assert.deepEqual([answer.status, answer.field("location")], [303, "/x?y=z"]);
  const cookie = /^set-cookie: (.*)$/im.exec(answer.head)![1]!;
  const rules = /^__Host-mcproxy-sign-in=[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=(\d+)$/.exec(cookie)!;
  assert.ok(Number(rules[1]) > 3500 && Number(rules[1]) <= 3600);
  assert.doesNotMatch(cookie, /token|ada/);
  const session = `Cookie: ${cookies[1]}\r\n`;
  assert.equal((await test.ask("GET /", session)).body, "hello");
  // Of another name, and of one that is changed, nothing is left.
  test.proxy.put({
    ...{
      hostname: "b.test",
      mode: "l7",
      backends: [`127.0.0.1:${test.backend.port}`],
      tlsCert: "a.pem",
      tlsKey: "a.key",
    },
    signIn: { allow: [] },
  });
  const other = { port: test.proxy.port, hostname: "b.test", ca: test.proxy.ca };
  const request = `GET / HTTP/1.1\r\nHost: b.test\r\n${session}Connection: close\r\n\r\n`;
  assert.match(await exchange(other, request), /^HTTP\/1\.1 401 /);
  const changed = cookies[1]!.replace(/.$/, (last) => last === "A" ? "E" : "A");
  assert.equal((await test.ask("GET /", `Cookie: ${changed}\r\n`)).status, 401);
  // Other processes and later ones take it.
  await using beside = await test.proxy.beside();
  const port = Number(beside.listeners.all()[0]!.address.split(":").at(-1));
  const again = `GET / HTTP/1.1\r\nHost: a.test\r\n${session}Connection: close\r\n\r\n`;
  assert.match(await exchange({ ...other, port, hostname: "a.test" }, again), /hello$/);
  await test.proxy.restart();
  assert.equal((await test.ask("GET /", session)).status, 200);
  assert.equal(Deno.statSync(join(test.proxy.dir, "data", "sign_in.key")).mode! & 0o777, 0o600);
});

Deno.test("Desk leads back to paths of this host, and nowhere else", async () => {
  await using test = await underTest();
  const rows: [next: string, location: string][] = [
    ["/a/b?c=d", "/a/b?c=d"],
    ["", "/"],
    ["//evil.test/", "/"],
    ["/\\evil.test/", "/"],
    ["https://evil.test/", "/"],
    ["/\t/evil.test/", "/"],
    ["/.//evil.test", "/"],
    ["javascript:alert(1)", "/"],
    ["/x\r\nSet-Cookie: a=b", "/xSet-Cookie:%20a=b"],
  ];
  for (const [next, location] of rows) {
    const { answer, cookies } = await signIn(test, "ada", { next });
    assert.deepEqual([answer.status, answer.field("location")], [303, location], next);
    // Who is signed in already is led on at once, under the same rule.
    const to = await test.ask(`GET /.mcproxy/sign-in?to=${encodeURIComponent(next)}`, `Cookie: ${cookies[1]}\r\n`);
    assert.deepEqual([to.status, to.field("location")], [303, location], next);
  }
});

Deno.test("Desk refuses forms of other sites, old ones and wrong passwords, and gives no cookie for them", async () => {
  await using test = await underTest();
  const { cookie, token } = await form(test);
  const filled = { username: "ada", password: "password of ada", next: "/", csrf_token: token };
  const jar = `Cookie: ${cookie}\r\n`;
  const rows: [fields: string, body: Record<string, string>, status: number, said: RegExp][] = [
    [`${jar}Origin: https://evil.test\r\n`, filled, 403, /its Origin is another site/],
    [`${jar}Origin: null\r\n`, filled, 403, /its Origin is another site/],
    [`${jar}Sec-Fetch-Site: same-site\r\n`, filled, 403, /comes from a page that is same-site/],
    ["", filled, 403, /Cookies are off/],
    ["Cookie: __Host-mcproxy-form=AAAAAAAAAAAAAAAAAAAAAA\r\n", filled, 403, /Cookies are off/],
    [jar, { ...filled, csrf_token: "" }, 403, /Cookies are off/],
    [jar, { ...filled, password: "wrong" }, 401, /Wrong username or password/],
    [jar, { ...filled, username: '"><script>' }, 401, /value="&quot;&gt;&lt;script&gt;"/],
    [jar, { ...filled, password: "" }, 400, /Fill in username and password/],
    [jar, { ...filled, next: "x".repeat(9000) }, 413, /^413 Content Too Large: the form is too long\n$/],
  ];
  for (const [fields, body, status, said] of rows) {
    const answer = await test.ask("POST /.mcproxy/sign-in", fields, new URLSearchParams(body).toString());
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.body, said);
    assert.ok(!cookiesOf(answer).some((pair) => pair.startsWith("__Host-mcproxy-sign-in")));
    assert.doesNotMatch(answer.body, /password of ada|wrong"/);
  }
  // Without a length it is bounded, too; and so is the time that it may take.
  const chunked = "Transfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n";
  using client = await tlsClient({ port: test.proxy.port, hostname: "a.test", ca: test.proxy.ca });
  await client.send(
    `POST /.mcproxy/sign-in HTTP/1.1\r\nHost: a.test\r\n${jar}${chunked}\r\n2328\r\n${"x".repeat(9000)}\r\n`,
  );
  assert.match(await client.message(), /^HTTP\/1\.1 413 /);
});

Deno.test("Desk gives a form that doesn't come 408, and asks for one that waits to be asked", async () => {
  await using test = await underTest("[limits]\nbody_timeout_ms = 200\n");
  const { cookie, token } = await form(test);
  const body = new URLSearchParams({ username: "ada", password: "password of ada", next: "/", csrf_token: token })
    .toString();
  const head =
    `POST /.mcproxy/sign-in HTTP/1.1\r\nHost: a.test\r\nCookie: ${cookie}\r\nContent-Length: ${body.length}\r\n` +
    "Content-Type: application/x-www-form-urlencoded\r\n";
  const at = { port: test.proxy.port, hostname: "a.test", ca: test.proxy.ca };
  using slow = await tlsClient(at);
  await slow.send(`${head}\r\nusername=`);
  assert.match(await slow.message(), /^HTTP\/1\.1 408 /);
  using careful = await tlsClient(at);
  await careful.send(`${head}Expect: 100-continue\r\n\r\n`);
  assert.equal(await careful.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await careful.send(body);
  assert.match(await careful.message(), /^HTTP\/1\.1 303 /);
});

Deno.test("Desk signs out for good: the token is revoked, the cookie gone", async () => {
  await using test = await underTest();
  const { cookies, token } = await signIn(test, "ada");
  const jar = `Cookie: ${cookies.join("; ")}\r\n`;
  const page = await test.ask("GET /.mcproxy/sign-out", jar);
  assert.match(page.body, /signed in to a\.test as <strong>ada<\/strong> \(admin, user\)/);
  const asked = await test.ask("POST /.mcproxy/sign-out", jar, "csrf_token=x");
  assert.deepEqual([asked.status, asked.field("location"), test.mcias.revoked.size], [303, "/.mcproxy/sign-out", 0]);
  const foreign = await test.ask(
    "POST /.mcproxy/sign-out",
    `${jar}Origin: https://evil.test\r\n`,
    `csrf_token=${token}`,
  );
  assert.deepEqual([foreign.status, test.mcias.revoked.size], [403, 0]);
  const answer = await test.ask("POST /.mcproxy/sign-out", jar, `csrf_token=${token}`);
  assert.deepEqual([answer.status, answer.field("location")], [303, "/.mcproxy/sign-in"]);
  assert.match(answer.head, /set-cookie: __Host-mcproxy-sign-in=; .*Max-Age=0/);
  assert.deepEqual([...test.mcias.revoked], ["token.of.ada"]);
  const gone = await test.ask("GET /.mcproxy/sign-out", browser);
  assert.deepEqual([gone.status, gone.field("location")], [303, "/.mcproxy/sign-in"]);
  assert.equal((await test.ask("GET /.mcproxy/else", jar)).status, 404);
  assert.equal((await test.ask("GET /.mcproxy/../x", jar)).status, 404);
  for (const path of ["sign-in", "assets/style.css"]) {
    assert.equal((await test.ask(`PUT /.mcproxy/${path}`, jar)).status, 405);
  }
  // A method that fetch's requests can't have.
  await using h2 = await H2Client.connect({ port: test.proxy.port, hostname: "a.test", ca: test.proxy.ca });
  // By then it has heard that it may.
  assert.equal((await h2.ask({ path: "/.mcproxy/else" })).status, 404);
  const stream = h2.connection.request({
    ...{ method: "CONNECT", protocol: "websocket", scheme: "https", authority: "a.test" },
    ...{ path: "/.mcproxy/assets/style.css", fields: [] },
  }, false);
  assert.equal((await stream.response()).status, 405);
  // A Host that is no part of an address.
  const at = { port: test.proxy.port, hostname: "a.test", ca: test.proxy.ca };
  const odd = "GET /.mcproxy/sign-in HTTP/1.1\r\nHost: a.test:99999\r\nConnection: close\r\n\r\n";
  assert.match(await exchange(at, odd), /^HTTP\/1\.1 400 /);
  // Where no route of the name asks, it is the backend's.
  test.put();
  assert.equal((await test.ask("GET /.mcproxy/sign-in")).body, "hello");
});

Deno.test("Desk's pages run no script, load nothing from backends, and say so; they have what they load", async () => {
  await using test = await underTest();
  const page = await test.ask("GET /.mcproxy/sign-in?to=/x", browser);
  assert.match(
    page.field("content-security-policy"),
    /^default-src 'none'; style-src 'self'; img-src data:; form-action/,
  );
  assert.equal(page.field("cache-control"), "no-store");
  assert.equal(page.field("strict-transport-security"), "");
  assert.doesNotMatch(page.body, /<script/);
  const sheet = /<link rel="stylesheet" href="([^"]*)"/.exec(page.body)![1]!;
  const style = await test.ask(`GET ${sheet}`);
  assert.deepEqual([style.status, style.field("content-type")], [200, "text/css; charset=utf-8"]);
  assert.equal(style.field("cache-control"), "public, max-age=31536000, immutable");
  assert.equal((await test.ask(`GET ${sheet}`, `If-None-Match: ${style.field("etag")}\r\n`)).status, 304);
  const head = await test.ask("HEAD /.mcproxy/sign-in", browser);
  assert.deepEqual([head.status, head.body], [200, ""]);
  assert.deepEqual(test.heads, []);
});

Deno.test("Desk bounds how often one client tries, so that MCIAS doesn't make all others wait", async () => {
  await using test = await underTest();
  const statuses: number[] = [];
  for (let i = 0; i < 22; i++) {
    statuses.push((await signIn(test, "ada", { password: "wrong" })).answer.status);
  }
  assert.deepEqual(statuses, [...Array(20).fill(401), 429, 429]);
  const { answer } = await signIn(test, "ada");
  assert.deepEqual([answer.status, answer.field("retry-after")], [429, "10"]);
  assert.match(answer.body, /Too many sign-ins from your address: wait 10 seconds/);
});
