import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { unauthenticated } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { SiteVisitor } from "@lib/web/testing/site_visitor.ts";
import { PointerRecords } from "../operations/pointer_records.ts";
import { recordOperations } from "../operations/record_operations.ts";
import type { TransferControl } from "../operations/transfer_control.ts";
import { type ZoneFiles, zoneOperations } from "../operations/zone_operations.ts";
import { callers, rights } from "../testing/operations_under_test.ts";
import { lookUp, type StoreUnderTest, storeUnderTest } from "../testing/temp_store.ts";
import { webRoutes } from "./web_routes.tsx";

interface UnderTest extends AsyncDisposable {
  store: StoreUnderTest;
  /** A visitor who is signed in. */
  visitor(caller: Caller): Promise<SiteVisitor>;
  /** Revokes the caller's token. */
  revoke(caller: Caller): void;
}

/** Pages over real operations on a real store; MCIAS is a set of accounts whose password is their name. */
async function underTest(): Promise<UnderTest> {
  const views = [
    { name: "lan", has: (address: string) => address.startsWith("192.168.") },
    { name: "guests", has: (address: string) => address.startsWith("10.") },
  ];
  const store = await storeUnderTest({ views });
  const { zones, records, changes, editor, clock } = store;
  const good = new Map<string, Caller>();
  const web = webRoutes({
    operations: [
      ...zoneOperations({ zones, editor, changes, rights, files: {} as ZoneFiles, transfers: {} as TransferControl }),
      ...recordOperations({ records, pointers: new PointerRecords(zones, editor), editor, rights, clock }),
    ],
    authenticate: (token) => Promise.resolve(good.get(token) ?? null),
    login: {
      login: (username, password) => {
        const caller = Object.values(callers).find((one) => one.username === username);
        if (caller === undefined || password !== username) throw unauthenticated("Wrong username or password");
        good.set(`secret token of ${username}`, caller);
        return Promise.resolve(`secret token of ${username}`);
      },
      logout: (token) => Promise.resolve(void good.delete(token)),
    },
    health: () => ({ status: "serving", reasons: [] }),
    version: "0.0.0",
    clock,
    log: silentLogger,
  });
  return {
    store,
    visitor: ({ username }) => SiteVisitor.signedIn(web, username),
    revoke: ({ username }) => void good.delete(`secret token of ${username}`),
    async [Symbol.asyncDispose]() {
      web[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

const zone = "/zones/example.org";

async function withZone(test: UnderTest): Promise<SiteVisitor> {
  const ada = await test.visitor(callers.admin);
  const made = await ada.post("/new-zone", { name: "example.org" }, "/new-zone");
  assert.equal(made.at, zone, made.html);
  return ada;
}

const wwwA = { name: "www", type: "A", value: "192.0.2.1", ttl: "5m" };

/** The fields that the row of a record sends. */
const row = (html: string, value: string, fields: Record<string, string>) => {
  const id = new RegExp(`id="value-(\\d+)"[^>]*value="${value.replaceAll(".", "\\.")}"`).exec(html)?.[1];
  assert.ok(id !== undefined, `no row with ${value}:\n${html}`);
  return { id, view: "", old_value: value, value, ...fields };
};

Deno.test("pages add, change and delete records, and the zones in memory follow", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  const added = await ada.post(`${zone}/add`, wwwA, zone);
  assert.match(added.html, /www A 192\.0\.2\.1 added\./);
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "300 192.0.2.1");

  await ada.post(`${zone}/add`, { ...wwwA, value: "192.0.2.2" }, zone);
  const fields = { name: "www", type: "A", ttl: "600" };
  const changed = await ada.post(
    `${zone}/change`,
    row(added.html, "192.0.2.1", { ...fields, value: "192.0.2.9" }),
    zone,
  );
  assert.match(changed.html, /www A is now 192\.0\.2\.9\./);
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "600 192.0.2.2 192.0.2.9");

  const page = `${zone}/record?name=www&type=A&value=192.0.2.2`;
  assert.match((await ada.get(page)).html, /Delete www A/);
  const gone = await ada.post(page.replace("/record", "/delete-record"), {}, page);
  assert.match(gone.html, /www A 192\.0\.2\.2 deleted\./);
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "600 192.0.2.9");
});

Deno.test("pages show a refused value beside its field, with what was typed", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  const { html } = await ada.post(`${zone}/add`, wwwA, zone);

  const added = await ada.post(`${zone}/add`, { ...wwwA, name: "mail", value: "300.1.1.1" }, zone);
  assert.equal(added.status, 400);
  assert.match(
    added.html,
    /id="value"[^>]*aria-invalid="true" aria-describedby="value-error"[^>]*value="300\.1\.1\.1"/,
  );
  assert.match(added.html, /<p class="error" id="value-error">[^<]*300\.1\.1\.1/);
  assert.match(added.html, /id="name"[^>]*value="mail"/);

  const fields = row(html, "192.0.2.1", { name: "www", type: "A", ttl: "soon" });
  const changed = await ada.post(`${zone}/change`, fields, zone);
  assert.equal(changed.status, 400);
  assert.match(changed.html, /name="ttl" value="soon"[^>]*aria-invalid="true"/);
  assert.match(changed.html, /class="error" id="ttl-\d+-error">must be seconds, or like 5m/);

  const beside = await ada.post(`${zone}/add`, { ...wwwA, type: "CNAME", value: "example.net" }, zone);
  assert.equal(beside.status, 409);
  assert.match(beside.html, /role="alert">[^<]*CNAME/);
});

Deno.test("pages refuse a change of a record that somebody else has changed meanwhile", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  const { html } = await ada.post(`${zone}/add`, wwwA, zone);
  const fields = row(html, "192.0.2.1", { name: "www", type: "A", ttl: "300" });
  await ada.post(`${zone}/change`, { ...fields, value: "192.0.2.2" }, zone);
  const late = await ada.post(`${zone}/change`, { ...fields, value: "192.0.2.3" }, zone);
  assert.equal(late.status, 409);
  assert.match(late.html, /was changed or deleted meanwhile/);
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "300 192.0.2.2");
});

Deno.test("pages move a record to a view and let it go by itself", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  await ada.post(`${zone}/add`, { ...wwwA, name: "nas" }, zone);
  const page = `${zone}/record?name=nas&type=A&value=192.0.2.1`;
  const fields = { value: "192.0.2.1", ttl: "60", view: "nowhere", expires: "" };
  const refused = await ada.post(page, fields, page);
  assert.equal(refused.status, 400, refused.html);
  assert.equal(lookUp(test.store.directory, "nas.example.org A"), "300 192.0.2.1");

  const moved = await ada.post(page, { ...fields, view: "lan", expires: "2h" }, page);
  assert.match(moved.html, /view lan[^]*goes <time[^>]*>in [12] h/);
  assert.equal(lookUp(test.store.directory, "nas.example.org A"), "no_name");
  assert.equal(lookUp(test.store.views.directoryFor("192.168.1.1"), "nas.example.org A"), "60 192.0.2.1");
});

Deno.test("pages move no record that would take a view's own along", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  for (const view of ["", "lan"]) await ada.post(`${zone}/add`, { ...wwwA, view }, zone);
  const page = `${zone}/record?name=www&type=A&value=192.0.2.1`;
  const refused = await ada.post(page, { value: "192.0.2.1", ttl: "60", view: "guests", expires: "" }, page);
  assert.equal(refused.status, 409, refused.html);
  assert.match(refused.html, /view lan has the same value/);
  for (const address of ["192.168.1.1", "10.0.0.1"]) {
    assert.equal(lookUp(test.store.views.directoryFor(address), "www.example.org A"), "300 192.0.2.1");
  }
});

Deno.test("pages give a record's end to no other one unasked", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  await ada.post(`${zone}/add`, wwwA, zone);
  const { html } = await ada.post(`${zone}/add`, { ...wwwA, value: "192.0.2.2", expires: "1h" }, zone);
  const fields = { name: "www", type: "A", ttl: "300" };
  const refused = await ada.post(`${zone}/change`, row(html, "192.0.2.2", { ...fields, value: "192.0.2.3" }), zone);
  assert.equal(refused.status, 409, refused.html);
  assert.match(refused.html, /its records go at different times/);
  const page = `${zone}/record?name=www&type=A&value=192.0.2.2`;
  await ada.post(page, { value: "192.0.2.3", ttl: "300", view: "", expires: "2h" }, page);
  const ends = test.store.rows.all(test.store.zones.list({ limit: 1, after: null })[0]!.id).map((one) =>
    one.expires_at
  );
  assert.deepEqual(ends, Array(2).fill(test.store.clock.now() + 2 * 3_600_000), "asked for");
});

Deno.test("pages show who changed what, and take it back once it is confirmed", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  await ada.post(`${zone}/add`, wwwA, zone);
  const history = await ada.get(`${zone}/history`);
  assert.match(history.html, /<strong>ada<\/strong>[^]*<li class="added">[^]*<code>www 300 A 192\.0\.2\.1<\/code>/);
  const id = /undo=(\d+)/.exec(history.html)![1]!;
  const asked = `${zone}/history?undo=${id}`;
  assert.match((await ada.get(asked)).html, new RegExp(`Undoing change #${id} makes this change`));
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "300 192.0.2.1");
  const undone = await ada.post(`${zone}/undo`, { id }, asked);
  assert.match(undone.html, new RegExp(`Change #${id} undone`));
  assert.match(undone.html, new RegExp(`taken back by #`));
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "no_name");
});

Deno.test("pages show accounts without role admin everything but forms, and take none from them", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  await ada.post(`${zone}/add`, wwwA, zone);
  for (const caller of [callers.user, callers.guest]) {
    const visitor = await test.visitor(caller);
    for (const path of ["/zones", zone, `${zone}/history`, `${zone}/record?name=www&type=A&value=192.0.2.1`]) {
      const { status, html } = await visitor.get(path);
      assert.equal(status, 200, path);
      // The one form that changes something is the one to sign out.
      assert.equal(html.match(/method="post"/g)?.length, 1, `${path} for ${caller.username}`);
    }
    const csrf = zone;
    for (
      const [path, fields] of [
        ["/new-zone", { name: "evil.org" }],
        [`${zone}/add`, wwwA],
        [`${zone}/settings`, { primary_ns: "ns.evil.org" }],
        [`${zone}/delete`, { confirm_name: "example.org" }],
        [`${zone}/undo`, { id: "1" }],
        [`${zone}/delete-record?name=www&type=A&value=192.0.2.1`, {}],
      ] as const
    ) assert.equal((await visitor.post(path, fields, csrf)).status, 403, path);
  }
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "300 192.0.2.1");
});

Deno.test("pages escape what records and visitors say", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  const evil = '"<script>alert(1)</script><img src=x onerror=alert(2)>\'</textarea>"';
  const seen = [
    await ada.post(`${zone}/add`, { ...wwwA, name: "xss", type: "TXT", value: evil }, zone),
    await ada.get(zone),
    await ada.get(`${zone}/history`),
    await ada.get(`${zone}?q=${encodeURIComponent(evil)}`),
    await ada.post(`${zone}/add`, { ...wwwA, name: evil, value: evil }, zone),
    await ada.post(`${zone}/settings`, { admin_email: evil, primary_ns: evil }, zone),
    await ada.post("/new-zone", { name: evil, primaries: evil }, "/new-zone"),
    await ada.get(`/zones/${encodeURIComponent(evil)}`),
    await ada.get(`/sign-in?next=${encodeURIComponent(evil)}`),
    await (await test.visitor(callers.user)).get(zone),
  ];
  for (const { html, at } of seen) assert.doesNotMatch(html, /<script|<img|<\/textarea>"/, at);
  assert.match(seen[1]!.html, /&lt;script&gt;alert\(1\)/);
});

Deno.test("pages let a session end with its token, and never show the token", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  for (const path of ["/zones", zone, `${zone}/history`]) {
    assert.doesNotMatch((await ada.get(path)).html, /secret token/);
  }
  test.revoke(callers.admin);
  const { at, html } = await ada.get(zone);
  assert.match(at, /^\/sign-in\?/);
  assert.match(html, /Your session has ended/);
  assert.match((await ada.post(`${zone}/add`, wwwA)).at, /^\/sign-in/);
  assert.equal(lookUp(test.store.directory, "www.example.org A"), "no_name");
});

Deno.test("pages delete a zone only when its name was typed", async () => {
  await using test = await underTest();
  const ada = await withZone(test);
  const settings = `${zone}/settings`;
  const refused = await ada.post(`${zone}/delete`, { confirm_name: "example.com" }, settings);
  assert.equal(refused.status, 400);
  assert.match(refused.html, /id="confirm_name-error"/);
  assert.match(
    (await ada.post(`${zone}/delete`, { confirm_name: "example.org" }, settings)).html,
    /Zone example\.org deleted/,
  );
  assert.equal((await ada.get(zone)).status, 404);
});
