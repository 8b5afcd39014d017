import assert from "node:assert/strict";
import { join } from "node:path";
import { grpcClient } from "@lib/grpc/mod.ts";
import { StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { H2Backend, H2Client, lines } from "../testing/h2.ts";
import { testProxy } from "../testing/proxy.ts";
import { answering, exchange, RawBackend, type RawConnection, tlsClient } from "../testing/raw.ts";
import { browser, signIn, underTest } from "../testing/sign_in.ts";

Deno.test("SignInGate asks people for their password and programs for a token, and no backend hears of either", async () => {
  await using test = await underTest();
  const asked = await test.ask("GET /x?y=z&to=//evil.test", browser);
  assert.deepEqual([asked.status, asked.field("location")], [
    302,
    "/.mcproxy/sign-in?to=%2Fx%3Fy%3Dz%26to%3D%2F%2Fevil.test",
  ]);
  const rows: [start: string, fields: string, challenge: string][] = [
    ["GET /", "Accept: application/json\r\n", "Bearer"],
    ["GET /", "", "Bearer"],
    ["POST /", browser, "Bearer"],
    ["GET /", "Authorization: Basic dXNlcjpwYXNz\r\n", "Bearer"],
    ["GET /", "Authorization: Bearer nonsense\r\n", 'Bearer error="invalid_token"'],
    ["GET /", `Authorization: Bearer ${"x".repeat(9000)}\r\n`, 'Bearer error="invalid_token"'],
    ["GET /", "Authorization: Bearer token.of.ada\r\nAuthorization: Bearer token.of.ada\r\n", "Bearer"],
    ["GET /", "Cookie: __Host-mcproxy-sign-in=token.of.ada\r\n", "Bearer"],
    ["GET /", "Cookie: __Host-mcproxy-sign-in=\r\n", "Bearer"],
    ["GET /", "Remote-User: ada\r\nRemote-Groups: admin\r\n", "Bearer"],
    ["GET /chat", `${browser}Connection: Upgrade\r\nUpgrade: websocket\r\n`, "Bearer"],
  ];
  for (const [start, fields, challenge] of rows) {
    const answer = await test.ask(start, fields);
    assert.deepEqual([answer.status, answer.field("www-authenticate")], [401, challenge], fields);
  }
  assert.deepEqual([test.heads, test.backend.accepted], [[], 0]);
  assert.equal((await test.ask("GET /", "Authorization: bearer token.of.robot\r\n")).status, 200);
});

Deno.test("SignInGate tells the backend who it is, and keeps token and cookies to itself", async () => {
  await using test = await underTest();
  const forged = "Remote-User: root\r\nremote_user: root\r\nREMOTE-GROUPS: admin\r\nRemote_Email: r@evil.test\r\n";
  await test.ask("GET /", `${forged}Authorization: Bearer token.of.ada\r\nCookie: a=1; __Host-mcproxy-form=x\r\n`);
  const { cookies } = await signIn(test, "uma");
  await test.ask("GET /", `${forged}Cookie: a=1; ${cookies.join("; ")};b="2"\r\nAuthorization: Basic YTpi\r\n`);
  await test.ask("GET /", `Cookie: ${cookies[1]}\r\nCookie: c\r\nConnection: Remote-User\r\n`);
  await test.ask("GET /", "Authorization: Bearer token.of.robot\r\n");
  const ours = 'Forwarded: for=127.0.0.1;host="a.test";proto=https\r\nX-Forwarded-For: 127.0.0.1\r\n' +
    "X-Forwarded-Host: a.test\r\nX-Forwarded-Proto: https\r\nVia: 1.1 mcproxy\r\n\r\n";
  const start = "GET / HTTP/1.1\r\nHost: a.test\r\n";
  assert.deepEqual(test.heads, [
    `${start}Cookie: a=1\r\nRemote-User: ada\r\nRemote-Groups: admin,user\r\n${ours}`,
    `${start}Cookie: a=1;b="2"\r\nAuthorization: Basic YTpi\r\nRemote-User: uma\r\nRemote-Groups: user\r\n${ours}`,
    `${start}Cookie: c\r\nRemote-User: uma\r\nRemote-Groups: user\r\n${ours}`,
    `${start}Remote-User: robot\r\nRemote-Groups: \r\n${ours}`,
  ]);
  // The whole of a name keeps such names from its backends, where nobody is asked, too.
  test.put();
  test.put({ path: "/admin", signIn: { allow: ["admin"] } });
  await test.ask("GET /", `${forged}Cookie: ${cookies.join("; ")}\r\nAuthorization: Bearer token.of.ada\r\n`);
  assert.equal(test.heads.at(-1), `${start}Authorization: Bearer token.of.ada\r\n${ours}`);
});

Deno.test("a client's Remote-User passes over no route, whether or not it asks for sign-in", async () => {
  const heads: string[] = [];
  await using backend = answering("hello", heads);
  await using proxy = await testProxy("", { a: ["a.test"] });
  const backends = [`127.0.0.1:${backend.port}`];
  proxy.put({ hostname: "a.test", mode: "l7", backends, tlsCert: "a.pem", tlsKey: "a.key" });
  const at = { port: proxy.port, hostname: "a.test", ca: proxy.ca };
  const forged = ["Remote-User", "remote_user", "REMOTE_GROUPS", "Remote-Groups", "Remote-Name", "remote_email"];
  const fields = forged.map((name) => `${name}: root\r\n`).join("");
  await exchange(at, `GET / HTTP/1.1\r\nHost: a.test\r\n${fields}Connection: close\r\n\r\n`);
  await using client = await H2Client.connect(at);
  await client.ask({ fields: forged.flatMap((name) => [name.toLowerCase(), "root"]) });
  assert.equal(heads.length, 2);
  for (const head of heads) assert.doesNotMatch(head, /remote|root/i);
});

Deno.test("SignInGate lets those pass that the route allows, and tells the others whom it is for", async () => {
  await using test = await underTest();
  const rows: [allow: string[], ada: number, uma: number, robot: number][] = [
    [[], 200, 200, 200],
    [["user"], 200, 200, 403],
    [["admin"], 200, 403, 403],
    [["guest", "account:robot"], 403, 403, 200],
  ];
  for (const [allow, ...statuses] of rows) {
    test.put({ signIn: { allow } });
    for (const [index, name] of ["ada", "uma", "robot"].entries()) {
      const answer = await test.ask("GET /", `Authorization: Bearer token.of.${name}\r\n`);
      assert.equal(answer.status, statuses[index], `${name} for ${allow}`);
    }
  }
  test.heads.length = 0;
  const scoped = await test.ask("GET /", "Authorization: Bearer scoped.of.robot\r\n");
  assert.match(scoped.body, /^403 Forbidden: Cannot use this service with this token of "robot": it is limited to/);
  assert.deepEqual(test.heads, []);
  const text = await test.ask("GET /", "Authorization: Bearer token.of.uma\r\n");
  assert.equal(text.body, "403 Forbidden: uma may not pass: this is for role guest or account robot\n");
  const page = await test.ask("GET /", `Authorization: Bearer token.of.uma\r\n${browser}`);
  assert.match(page.body, /signed in as <strong>uma<\/strong>, and this is for role guest or account robot\./);
  assert.equal(page.field("content-type"), "text/html; charset=utf-8");
});

Deno.test("SignInGate comes behind maintenance and redirects, and paths are held to the route that they may reach", async () => {
  await using test = await underTest();
  test.put({ signIn: { allow: [] }, maintenance: "Back at noon" });
  assert.equal((await test.ask("GET /")).status, 503);
  test.put({ signIn: { allow: [] }, backends: [], redirect: { status: 308, to: "/new" } });
  assert.equal((await test.ask("GET /")).status, 308);
  // Signing in works all the same.
  assert.equal((await signIn(test, "ada")).answer.status, 303);
  test.put();
  test.put({ path: "/admin", signIn: { allow: ["admin"] } });
  for (const target of ["/admin", "/admin/x", "/%61dmin", "//admin", "/x/../admin/", "/admin?x", "/admin%2fx"]) {
    assert.equal((await test.ask(`GET ${target}`)).status, 401, target);
  }
  for (const target of ["/", "/administer"]) assert.equal((await test.ask(`GET ${target}`)).status, 200, target);
});

Deno.test("SignInGate lets nobody pass while MCIAS is away, but for those whom it has just asked about", async () => {
  await using test = await underTest();
  const { cookies } = await signIn(test, "ada");
  const jar = `Cookie: ${cookies[1]}\r\n`;
  await test.mcias.stop();
  assert.equal((await test.ask("GET /", jar)).status, 200);
  const text = await test.ask("GET /", "Authorization: Bearer token.of.uma\r\n");
  assert.equal(
    text.body,
    "503 Service Unavailable: who you are can't be checked at the moment; try again shortly\n",
  );
  const page = await test.ask("GET /", `Authorization: Bearer token.of.uma\r\n${browser}`);
  assert.deepEqual([page.status, page.field("content-type")], [503, "text/html; charset=utf-8"]);
  const form = await signIn(test, "uma");
  assert.equal(form.answer.status, 503);
});

Deno.test("SignInGate asks MCIAS about a token once in a while", async () => {
  await using test = await underTest();
  for (let i = 0; i < 5; i++) await test.ask("GET /", "Authorization: Bearer token.of.ada\r\n");
  for (let i = 0; i < 5; i++) await test.ask("GET /", "Authorization: Bearer nonsense\r\n");
  assert.deepEqual(test.mcias.asked, ["token.of.ada", "nonsense"]);
});

Deno.test("SignInGate asks over HTTP/2 and for WebSockets alike; gRPC clients see UNAUTHENTICATED's status", async () => {
  await using test = await underTest();
  const seen: string[][] = [];
  await using h2 = new H2Backend(async (stream) => {
    seen.push(lines(stream.fields));
    stream.respond(200, ["content-type", "application/grpc"], false);
    await stream.write(new Uint8Array(5));
    stream.end(["grpc-status", "0"]);
  });
  test.put({ signIn: { allow: [] }, backends: [`127.0.0.1:${h2.port}`], backendProtocol: "h2c" });
  await using client = await H2Client.connect({ port: test.proxy.port, hostname: "a.test", ca: test.proxy.ca });
  const call = { method: "POST", path: "/x.Y/Z", body: ["\0\0\0\0\0"] };
  const grpc = ["content-type", "application/grpc", "te", "trailers"];
  const refused = await client.ask({ ...call, fields: grpc });
  assert.deepEqual([refused.status, refused.fields.includes("www-authenticate: Bearer")], [401, true]);
  assert.equal(seen.length, 0);
  const forged = ["remote-user", "root", "remote_groups", "admin", "cookie", "a=1", "cookie", "__Host-mcproxy-form=x"];
  const fields = [...grpc, ...forged, "authorization", "Bearer token.of.ada"];
  const answer = await client.ask({ ...call, fields });
  assert.deepEqual([answer.status, answer.trailers], [200, ["grpc-status: 0"]]);
  const passed = seen[0]!.filter((line) => /^(remote|cookie|authorization)/.test(line));
  assert.deepEqual(passed, ["cookie: a=1", "remote-user: ada", "remote-groups: admin,user"]);
  const page = await client.ask({ fields: ["accept", "text/html"] });
  assert.deepEqual([page.status, page.fields[0]], [302, "location: /.mcproxy/sign-in?to=%2F"]);
});

Deno.test("SignInGate asks before a WebSocket begins", async () => {
  await using test = await underTest();
  await using backend = new RawBackend(async (connection: RawConnection) => {
    const head = await connection.until("\r\n\r\n");
    assert.match(head, /^Remote-User: uma\r$/m);
    await connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    await connection.send(await connection.take(4));
  });
  test.put({ signIn: { allow: [] }, backends: [`127.0.0.1:${backend.port}`] });
  using client = await tlsClient({ port: test.proxy.port, hostname: "a.test", ca: test.proxy.ca });
  const upgrade = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  await client.send(`${upgrade}\r\n`);
  assert.match(await client.message(), /^HTTP\/1\.1 401 /);
  await client.send(`${upgrade}Authorization: Bearer token.of.uma\r\n\r\n`);
  assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 101 /);
  await client.send("echo");
  assert.equal(await client.take(4), "echo");
});

Deno.test("Router keeps closed what asks for sign-in and can't be served any more", async () => {
  await using test = await underTest();
  test.put();
  test.put({ path: "/admin", signIn: { allow: ["admin"] } });
  assert.equal((await test.ask("GET /admin")).status, 401);
  // The configuration's MCIAS goes.
  const file = join(test.proxy.dir, "mcproxy.toml");
  const toml = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, toml.replace(/^mcias_addr = .*$/m, ""));
  await test.proxy.restart();
  assert.equal((await test.ask("GET /")).body, "hello");
  for (const fields of ["", "Authorization: Bearer token.of.ada\r\n"]) {
    const answer = await test.ask("GET /admin/x", fields);
    assert.deepEqual([answer.status, answer.body], [503, "This can't be served at the moment.\n"]);
  }
  const { reasons } = test.proxy.running.health();
  assert.deepEqual(reasons, ["route https a.test/admin: sign_in: needs MCIAS, and admin.mcias_addr is empty"]);
  assert.deepEqual([...test.proxy.running.router.routes()].map(({ route }) => route.path), ["/"]);
  assert.throws(() => test.put({ path: "/more", signIn: { allow: [] } }), /sign_in: needs MCIAS/);
  // It is kept, and served again when there is somebody to ask.
  await Deno.writeTextFile(file, toml);
  await test.proxy.restart();
  assert.equal((await test.ask("GET /admin/x", "Authorization: Bearer token.of.ada\r\n")).body, "hello");
  test.proxy.running.router.delete({ listener: "https", hostname: "a.test", path: "/admin" });
  assert.equal((await test.ask("GET /admin/x")).body, "hello");
});

Deno.test("SignInGate's outcomes are counted, and who has passed stands in the access log", async () => {
  await using test = await underTest('[access_log]\ndir = "log"\n');
  test.put({ path: "/admin", signIn: { allow: ["admin"] } });
  const { cookies, token } = await signIn(test, "uma");
  const jar = `Cookie: ${cookies.join("; ")}\r\n`;
  await signIn(test, "uma", { password: "wrong" });
  await test.ask("GET /a", jar);
  await test.ask("GET /b", "Authorization: Bearer token.of.ada\r\n");
  await test.ask("GET /admin", jar);
  await test.ask("GET /c");
  await test.ask("POST /.mcproxy/sign-out", jar, `csrf_token=${token}`);
  const text = await (await fetch(`http://${test.proxy.running.metricsAddress}/metrics`)).text();
  assert.deepEqual(text.match(/^mcproxy_sign_in_total.*$/gm)!.toSorted(), [
    'mcproxy_sign_in_total{outcome="asked"} 1',
    'mcproxy_sign_in_total{outcome="denied"} 1',
    'mcproxy_sign_in_total{outcome="passed_by_cookie"} 1',
    'mcproxy_sign_in_total{outcome="passed_by_token"} 1',
    'mcproxy_sign_in_total{outcome="sign_in_refused"} 1',
    'mcproxy_sign_in_total{outcome="signed_in"} 1',
    'mcproxy_sign_in_total{outcome="signed_out"} 1',
  ]);
  await test.proxy.restart();
  const log = await Deno.readTextFile(join(test.proxy.dir, "log", "access.log"));
  const seen = log.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(seen.map(({ path, status, user = "" }) => `${path} ${status} ${user}`.trim()), [
    "/.mcproxy/sign-in 200",
    "/.mcproxy/sign-in 303 uma",
    "/.mcproxy/sign-in 200",
    "/.mcproxy/sign-in 401",
    "/a 200 uma",
    "/b 200 ada",
    "/admin 403 uma",
    "/c 401",
    "/.mcproxy/sign-out 303 uma",
  ]);
  assert.doesNotMatch(log, /password|token\.of/);
});

Deno.test("Explainer says that a sign-in is asked, and for whom", async () => {
  await using test = await underTest();
  await using stats = grpcClient(StatsService, { address: `unix:${test.proxy.adminSocket}` });
  test.put({ signIn: { allow: ["admin", "account:robot"] } });
  const asked = await stats.explain({ host: "a.test", path: "/x" });
  assert.deepEqual(
    asked.steps.filter(({ stage }) => stage === "sign_in").map(({ result, detail }) => [result, detail]),
    [[
      "pass",
      "sign-in asked, for role admin or account robot: without one 302 to /.mcproxy/sign-in, or 401; others 403",
    ]],
  );
  assert.deepEqual([asked.outcome, asked.backend], ["l7", `127.0.0.1:${test.backend.port}`]);
  const own = await stats.explain({ host: "a.test", path: "/.mcproxy/sign-in" });
  assert.deepEqual([own.outcome, own.backend, own.steps.at(-1)!.detail], ["l7", "", "the proxy's own pages"]);
});

Deno.test("Exchange follows its route to other backends only under the rule by which the request passed", async () => {
  await using test = await underTest();
  const rows: [before: string[] | null, now: string[] | null, status: number][] = [
    [["user"], ["user"], 200],
    [["user"], ["admin"], 502],
    [["user"], null, 502],
    [null, ["admin"], 502],
    [null, null, 200],
  ];
  for (const [before, now, status] of rows) {
    const rule = (allow: string[] | null) => allow === null ? {} : { signIn: { allow } };
    await using gone = new RawBackend(async (connection) => {
      await connection.until("\r\n\r\n");
      // A deploy comes, and the old backend goes, while the request is on its way.
      test.put(rule(now));
    });
    test.put({ ...rule(before), backends: [`127.0.0.1:${gone.port}`] });
    const answer = await test.ask("GET /", "Authorization: Bearer token.of.uma\r\n");
    assert.equal(answer.status, status, `${before} then ${now}`);
  }
});
