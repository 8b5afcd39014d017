/**
 * A route behind MCIAS, on a whole platform in its sandboxes: programs as curl, people as Debian's Chromium without
 * scripts.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { layoutOf } from "../../deploy/local/layout.ts";
import { rootOf } from "../../deploy/local/pki.ts";
import { run, TestPlatform } from "../platform.ts";
import { rest } from "../stories/rest_call.ts";
import { Chromium, type Tab } from "./chromium.ts";
import { desktop, pageCheck } from "./page_pictures.ts";
import { withTools } from "./tools.ts";

const check = pageCheck("mcproxy");
/** Chromium asks no DNS for it. */
const wiki = "wiki.localhost";
const password = "glacier bicycle sonnet";

async function certify(platform: TestPlatform): Promise<void> {
  const key = await generateKey();
  const cert = await signLeaf(await rootOf(layoutOf(platform.data, platform.base)), key.publicKey, { names: [wiki] });
  Deno.writeTextFileSync(platform.srv("mcproxy", "certs", "wiki.key"), await exportKeyPem(key));
  Deno.writeTextFileSync(platform.srv("mcproxy", "certs", "wiki.pem"), cert);
}

/** Says who the proxy says that a visitor is, and what else it was sent that could tell. */
function wikiProgram(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url, headers }) => {
    const { pathname, search } = new URL(url);
    const told = ["remote-user", "remote-groups", "authorization", "cookie"].map((name) => headers.get(name) ?? "-");
    return new Response(`wiki ${pathname}${search} ${told.join(" | ")}\n`);
  });
}

Deno.test({
  ...withTools("a route behind MCIAS, for curl and Chromium", "chromium", "curl"),
  async fn(t) {
    await using platform = await TestPlatform.start();
    await certify(platform);
    await using backend = wikiProgram();
    const folder = Deno.makeTempDirSync({ prefix: "visitor-" });
    const jar = join(folder, "jar");
    const { admin } = platform.file;
    const as = async (call: string, body: unknown, token?: string) => {
      const answer = await rest(platform, "mcias", { call, body, ...(token === undefined ? {} : { token }) });
      assert.ok(answer.status < 300, `${call}: ${answer.text}`);
      return answer.body;
    };
    const login = { username: admin, password: platform.adminPassword };
    const token = String((await as("POST /v1/auth/login", login)).token);
    await as("POST /v1/accounts", { username: "bob", account_type: "human", roles: ["user"], password }, token);
    await as("POST /v1/accounts", { username: "robot", account_type: "system" }, token);
    const robot = String((await as("POST /v1/accounts/robot/tokens", {}, token)).token);

    const step = async (name: string, work: () => Promise<void>): Promise<void> => {
      assert.ok(await t.step(name, work), `failed: ${name}`);
    };
    /** Status, place it leads to if it does, and body. */
    const ask = async (path: string, ...more: string[]): Promise<string> => {
      const { stdout } = await platform.curl(wiki, path, "--write-out", "\n%{http_code} %header{location}", ...more);
      const [code, ...body] = stdout.split("\n").reverse();
      return `${code!.trim()} ${body.reverse().join("\n")}`.trim();
    };
    const bearer = (one: string) => ["--header", `Authorization: Bearer ${one}`];
    const html = ["--header", "Accept: text/html"];
    const cookies = ["--cookie", jar, "--cookie-jar", jar];
    /** By the form, as a browser does it. */
    const signIn = async (username: string, typed: string, next: string): Promise<string> => {
      const form = await ask(`/.mcproxy/sign-in?to=${encodeURIComponent(next)}`, ...html, ...cookies);
      const hidden = /name="csrf_token" value="([^"]*)"/.exec(form)?.[1] ?? "";
      const fields = { username, password: typed, csrf_token: hidden, next };
      const data = Object.entries(fields).flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]);
      return await ask("/.mcproxy/sign-in", ...cookies, ...data);
    };

    await step("a route gets a sign-in, by the command line", async () => {
      const put = await platform.mcproxyctl(
        ...["route", "put", wiki, "--backend", `127.0.0.1:${backend.addr.port}`, "--cert", "wiki.pem"],
        ...["--key", "wiki.key"],
      );
      assert.equal(put.code, 0, put.stderr);
      assert.equal(await ask("/open"), "200 wiki /open - | - | - | -");
      const closed = await platform.mcproxyctl("route", "sign-in", wiki, "--allow", "user", "--allow", "account:robot");
      assert.match(closed.stdout, /sign-in +role user, account robot/);
      const wrong = await platform.mcproxyctl("route", "sign-in", wiki, "--allow", "Bob");
      assert.match(wrong.stderr, /--allow: must be "admin", "user", "guest" or "account:NAME", got "Bob"/);
      const explained = await platform.mcproxyctl("explain", wiki, "/x");
      assert.match(explained.stdout, /sign_in +pass +sign-in asked, for role user or account robot/);
    });

    await step("programs show a token", async () => {
      assert.match(await ask("/"), /^401 401 Unauthorized: send a token of MCIAS/);
      assert.match(await ask("/", ...bearer("nonsense")), /^401 /);
      assert.equal(
        await ask("/a?b", ...bearer(robot), "--header", "Remote-User: admin"),
        "200 wiki /a?b robot |  | - | -",
      );
      // Human admins without role user may not.
      await as("POST /v1/accounts", { username: "ann", account_type: "human", roles: ["admin"], password }, token);
      const ann = String((await as("POST /v1/auth/login", { username: "ann", password })).token);
      assert.match(
        await ask("/", ...bearer(ann)),
        /^403 403 Forbidden: ann may not pass: this is for role user or account/,
      );
      for (const version of ["--http1.1", "--http2"]) {
        assert.match(await ask("/", ...bearer(robot), version), /^200 wiki \/ robot/);
      }
    });

    await step("people sign in by a form, and are led to where they wanted to go", async () => {
      assert.equal(
        await ask("/page?x=1", ...html),
        "302 /.mcproxy/sign-in?to=%2Fpage%3Fx%3D1 302 Found: sign in first",
      );
      assert.match(await signIn("bob", "wrong", "/page"), /^401 [^]*Wrong username or password/);
      assert.equal(await signIn("bob", password, "//evil.test"), "303 /");
      // Who is signed in already sees no form.
      Deno.removeSync(jar);
      assert.equal(await signIn("bob", password, "/page?x=1"), "303 /page?x=1");
      assert.equal(
        await ask("/page?x=1", ...cookies, "--cookie", "mine=1"),
        "200 wiki /page?x=1 bob | user | - | mine=1",
      );
      const held = Deno.readTextFileSync(jar);
      assert.match(held, /#HttpOnly_wiki\.localhost\tFALSE\t\/\tTRUE\t\d+\t__Host-mcproxy-sign-in\t/);
    });

    await step("the proxy's restart signs nobody out", async () => {
      const old = (await platform.processes()).find(({ command }) => command.includes("mcproxy.toml"))!;
      Deno.kill(old.pid, "SIGTERM");
      const isThere = async () => (await platform.processes()).some(({ pid }) => pid === old.pid);
      const since = performance.now();
      // What it still answers itself says nothing of the next one.
      while (await isThere()) assert.ok(performance.now() - since < 60_000, `${old.pid} doesn't end`);
      let answer = "";
      while (!answer.startsWith("200")) {
        assert.ok(performance.now() - since < 60_000, answer);
        answer = await ask("/", ...cookies);
      }
      assert.equal(answer, "200 wiki / bob | user | - | -");
    });

    await step("sign-out is for good, for whoever has the cookie", async () => {
      const copy = join(folder, "copy");
      Deno.copyFileSync(jar, copy);
      const page = await ask("/.mcproxy/sign-out", ...html, ...cookies);
      const hidden = /name="csrf_token" value="([^"]*)"/.exec(page)?.[1] ?? "";
      assert.equal(
        await ask("/.mcproxy/sign-out", ...cookies, "--data", `csrf_token=${hidden}`),
        "303 /.mcproxy/sign-in",
      );
      assert.match(await ask("/", ...cookies), /^401 /);
      const { valid } = await as("POST /v1/token/validate", { token: robot });
      assert.equal(valid, true);
      // What MCIAS has answered is used for 30 s.
      const since = performance.now();
      let answer = "200";
      for (; answer.startsWith("200") && performance.now() - since < 40_000;) {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        answer = await ask("/", "--cookie", copy);
      }
      assert.match(answer, /^401 /);
    });

    await step("in a browser, without scripts, on any screen", async () => {
      await using browser = await Chromium.start();
      const site = `https://${wiki}:${platform.file.proxy.split(":")[1]}`;
      const tab = await browser.tab({ scripts: false });
      await tab.screen(desktop);
      const fill = async (into: Tab, username: string, typed: string) => {
        await into.fill("Username", username);
        await into.fill("Password", typed);
        await into.follow("button", "Sign in");
      };
      const body = () => tab.evaluate<string>("document.body.innerText");
      await tab.goto(`${site}/page?x=1`);
      assert.equal(await tab.url, `${site}/.mcproxy/sign-in?to=%2Fpage%3Fx%3D1`);
      await check(tab, "sign-in");
      await fill(tab, "bob", "wrong");
      assert.match(await tab.text, /Wrong username or password/);
      await check(tab);
      await fill(tab, "bob", password);
      assert.equal(await tab.url, `${site}/page?x=1`);
      assert.match(await body(), /wiki \/page\?x=1 bob \| user \| - \| -/);
      const closed = await platform.mcproxyctl("route", "sign-in", wiki, "--allow", "admin");
      assert.equal(closed.code, 0, closed.stderr);
      await tab.goto(`${site}/page`);
      assert.match(await tab.text, /signed in as bob, and this is for role admin/);
      await check(tab);
      await tab.follow("link", "Sign in as somebody else");
      await check(tab);
      await tab.follow("button", "Sign out");
      assert.equal(await tab.url, `${site}/.mcproxy/sign-in`);
      await fill(tab, admin, platform.adminPassword);
      assert.match(await body(), new RegExp(`wiki / ${admin} \\| admin`));
      // Of the wrong password, and of the route that is for others.
      assert.deepEqual(tab.complaints.filter((one) => !/status of 40[13]/.test(one)), []);
    });

    await step("no password and no token stands in a log, and MCIAS away lets nobody pass", async () => {
      const mcias = (await platform.processes()).find(({ command }) => command.includes("mcias.toml"))!;
      Deno.kill(mcias.pid, "SIGSTOP");
      try {
        const other = robot.slice(0, -4) + "AAAA";
        assert.match(await ask("/", ...bearer(other)), /^503 503 Service Unavailable: who you are can't be checked/);
      } finally {
        Deno.kill(mcias.pid, "SIGCONT");
      }
      const log = Deno.readTextFileSync(platform.srv("mcproxy", "log", "access.log"));
      assert.match(log, /"path":"\/page",.*"user":"bob"/);
      const { stdout } = await run("grep", ["-rl", "Signed in", platform.data]);
      const files = stdout.trim().split("\n").filter((name) => name !== "");
      assert.ok(files.length > 0, "nobody has said who signed in");
      for (const text of [log, ...files.map((name) => Deno.readTextFileSync(name))]) {
        for (const secret of [password, robot, token, platform.adminPassword]) assert.ok(!text.includes(secret));
      }
      Deno.removeSync(folder, { recursive: true });
    });
  },
});
