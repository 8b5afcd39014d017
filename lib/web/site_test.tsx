import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { FakeClock } from "@lib/clock/mod.ts";
import { denied, unauthenticated, unavailable } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { type PageRoute, site } from "./site.tsx";
import { CsrfField } from "./visit.tsx";

const ada: Caller = { subject: "1", username: "ada", accountType: "human", roles: ["admin"], tokenId: "t" };

/** A site with a browser that keeps its cookie; `good` holds the tokens that MCIAS takes. */
function underTest(extra: PageRoute[] = []) {
  const good = new Set<string>();
  const saved: string[] = [];
  let down = false;
  const answer = site({
    name: "demo",
    title: "Demo",
    home: "/things",
    nav: (caller) => caller === null ? [] : [{ href: "/things", text: "Things" }],
    routes: [
      {
        method: "GET",
        path: "/open",
        open: true,
        handle: (visit) => visit.page("Open", <p>{visit.caller?.username ?? "nobody"}</p>),
      },
      { method: "GET", path: "/things", handle: (visit) => visit.page("Things", <CsrfField visit={visit} />) },
      { method: "GET", path: "/things/{id}", handle: (visit) => visit.page("Thing", <p>{visit.param("id")}</p>) },
      {
        method: "POST",
        path: "/things",
        handle: (visit) => {
          saved.push(visit.form.text("name"));
          return visit.redirect("/things", "Saved <b>");
        },
      },
      ...extra,
    ],
    authenticate: (token) => {
      if (down) throw unavailable("MCIAS does not answer");
      if (!good.has(token)) return Promise.resolve(null);
      return Promise.resolve(token === "token of robot" ? { ...ada, scopes: ["mcns:record:example.org:www"] } : ada);
    },
    login: {
      login: (username, password) => {
        if (password !== "right") throw unauthenticated("Wrong username or password");
        good.add(`token of ${username}`);
        return Promise.resolve(`token of ${username}`);
      },
      logout: (token) => {
        good.delete(token);
        return Promise.resolve();
      },
    },
    clock: new FakeClock(),
    log: silentLogger,
  });
  let cookie = "";
  async function go(
    method: string,
    path: string,
    fields?: Record<string, string>,
    headers: Record<string, string> = {},
  ) {
    const response = await answer(
      new Request(`https://demo.test${path}`, {
        method,
        headers: {
          ...(cookie === "" ? {} : { cookie }),
          ...(fields === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          ...headers,
        },
        ...(fields === undefined ? {} : { body: new URLSearchParams(fields).toString() }),
      }),
      { remote: "127.0.0.1" },
    );
    if (response === null) return { status: 0, text: "", to: null, setCookie: null };
    const setCookie = response.headers.get("set-cookie");
    if (setCookie !== null) cookie = setCookie.includes("Max-Age=0") ? "" : setCookie.split(";", 1)[0]!;
    return { status: response.status, text: await response.text(), to: response.headers.get("location"), setCookie };
  }
  const signIn = () => go("POST", "/sign-in", { username: "ada", password: "right", next: "/things/7" });
  const csrf = async () => /name="csrf_token" value="([^"]+)"/.exec((await go("GET", "/things")).text)![1]!;
  return { go, signIn, csrf, good, saved, setDown: (value: boolean) => down = value, forget: () => cookie = "" };
}

Deno.test("site signs in by MCIAS, keeps the token to itself, and leads to where the visitor wanted to go", async () => {
  const { go, signIn } = underTest();
  assert.equal((await go("GET", "/things/7")).to, "/sign-in?next=%2Fthings%2F7");
  assert.match((await go("GET", "/sign-in?next=%2Fthings%2F7")).text, /name="next" value="\/things\/7"/);
  const wrong = await go("POST", "/sign-in", { username: 'a"da', password: "wrong-secret", next: "/things/7" });
  assert.equal(wrong.status, 401);
  assert.match(wrong.text, /Wrong username or password/);
  assert.match(wrong.text, /value="a&quot;da"/);
  assert.doesNotMatch(wrong.text, /wrong-secret/);
  const right = await signIn();
  assert.deepEqual([right.status, right.to], [303, "/things/7"]);
  assert.match(right.setCookie!, /^__Host-demo=\S+; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Strict$/);
  const page = await go("GET", "/things/7");
  assert.equal(page.status, 200);
  assert.match(page.text, /ada<\/span>/);
  assert.doesNotMatch(page.text + right.setCookie, /token of/);
});

Deno.test("site lets nobody in whose token has scopes", async () => {
  const { go } = underTest();
  const refused = await go("POST", "/sign-in", { username: "robot", password: "right" });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /Cannot sign in with this token of .*limited to the scopes mcns:record:example\.org:www/);
  assert.equal(refused.setCookie, null);
});

Deno.test("site ends a session with its token: revoked, or at sign-out", async () => {
  const { go, signIn, csrf, good } = underTest();
  await signIn();
  good.clear();
  const sent = await go("GET", "/things");
  assert.equal(sent.to, "/sign-in?ended=1");
  assert.match(sent.setCookie!, /Max-Age=0/);
  await signIn();
  assert.equal((await go("POST", "/sign-out", { csrf_token: "other" })).status, 403);
  assert.equal((await go("POST", "/sign-out", { csrf_token: await csrf() })).to, "/sign-in");
  assert.equal(good.size, 0);
  assert.equal((await go("GET", "/things")).to, "/sign-in");
});

Deno.test("site lets no form through without the session's CSRF token from its own pages", async () => {
  const { go, signIn, csrf, saved, forget } = underTest();
  await signIn();
  const csrf_token = await csrf();
  const rows: [Record<string, string>, Record<string, string>, number][] = [
    [{ name: "a" }, {}, 403],
    [{ name: "b", csrf_token: "x" }, {}, 403],
    [{ name: "c", csrf_token }, { origin: "https://evil.test" }, 403],
    [{ name: "d", csrf_token }, { "sec-fetch-site": "cross-site" }, 403],
    [{ name: "e", csrf_token }, { "content-type": "text/plain" }, 400],
    [{ name: "f", csrf_token }, { origin: "https://demo.test", "sec-fetch-site": "same-origin" }, 303],
  ];
  for (const [fields, headers, status] of rows) {
    assert.equal((await go("POST", "/things", fields, headers)).status, status, JSON.stringify([fields, headers]));
  }
  assert.deepEqual(saved, ["f"]);
  const notice = /<p class="notice good" role="status">Saved &lt;b&gt;<\/p>/;
  assert.match((await go("GET", "/things")).text, notice);
  assert.doesNotMatch((await go("GET", "/things")).text, notice);
  forget();
  assert.equal((await go("POST", "/things", { name: "g", csrf_token })).to, "/sign-in");
  assert.equal(
    (await go("POST", "/sign-in", { username: "ada", password: "right" }, { origin: "https://evil.test" })).status,
    403,
  );
});

Deno.test("site with MCIAS down keeps open pages open, and says so on the others", async () => {
  const { go, signIn, setDown } = underTest();
  await signIn();
  assert.match((await go("GET", "/open")).text, /<p>ada<\/p>/);
  setDown(true);
  assert.match((await go("GET", "/open")).text, /<p>nobody<\/p>/);
  const closed = await go("GET", "/things");
  assert.equal(closed.status, 503);
  assert.match(closed.text, /MCIAS does not answer/);
  setDown(false);
  assert.equal((await go("GET", "/things")).status, 200);
});

Deno.test("site leads a visitor from another site's link once round, so that the Strict cookie comes along", async () => {
  const { go, forget, signIn } = underTest();
  await signIn();
  forget();
  const step = await go("GET", "/things/7?a=1&b=2", undefined, { "sec-fetch-site": "cross-site" });
  assert.equal(step.status, 200);
  assert.match(step.text, /<meta http-equiv="refresh" content="0; url=\/things\/7\?a=1&amp;b=2"\/?>/);
  assert.equal(
    (await go("GET", "/things/7", undefined, { "sec-fetch-site": "same-origin" })).to,
    "/sign-in?next=%2Fthings%2F7",
  );
});

Deno.test("site leaves other paths to others and shows its errors as pages", async () => {
  const refusing: PageRoute = {
    method: "GET",
    path: "/refusing",
    handle: () => {
      throw denied("rule-1", "Not <you>");
    },
  };
  const failing: PageRoute = {
    method: "GET",
    path: "/failing",
    open: true,
    handle: () => {
      throw new Error("the password is 1234");
    },
  };
  const { go, signIn } = underTest([refusing, failing]);
  await signIn();
  for (const path of ["/v1/zones", "/metrics", "/thing", "/things/a/b", "//evil.test"]) {
    assert.equal((await go("GET", path)).status, 0, path);
  }
  assert.equal((await go("GET", "/")).to, "/things");
  assert.equal((await go("DELETE", "/things")).status, 405);
  const refused = await go("GET", "/refusing");
  assert.equal(refused.status, 403);
  assert.match(refused.text, /Not &lt;you&gt;/);
  const failed = await go("GET", "/failing");
  assert.equal(failed.status, 500);
  assert.doesNotMatch(failed.text, /1234/);
});
