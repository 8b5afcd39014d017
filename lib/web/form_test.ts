import assert from "node:assert/strict";
import { requireCsrf, requireSameOrigin } from "./csrf.ts";
import { readForm } from "./form.ts";
import { SessionStore } from "./session_store.ts";

const form = (body: string, headers: Record<string, string> = {}) =>
  new Request("https://a.test/save", {
    method: "POST",
    body,
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });

Deno.test("readForm reads fields as browsers send them", async () => {
  const fields = await readForm(form("name=+J%C3%B6rg+&tag=a&tag=b&on=&empty=+"));
  assert.equal(fields.text("name"), "Jörg");
  assert.equal(fields.optional("name"), " Jörg ");
  assert.deepEqual(fields.all("tag"), ["a", "b"]);
  assert.equal(fields.checked("on"), true);
  assert.equal(fields.checked("off"), false);
  assert.equal(fields.optional("missing"), undefined);
  for (const name of ["empty", "missing"]) {
    assert.throws(() => fields.text(name), { message: `${name}: must be filled in`, field: name });
  }
});

Deno.test("readForm refuses other bodies, long ones and many fields", async () => {
  await assert.rejects(readForm(form("{}", { "content-type": "application/json" })), {
    code: "invalid",
    field: "content-type",
  });
  await assert.rejects(readForm(form(`a=${"x".repeat(100)}`), { maxBytes: 50 }), { code: "too_large" });
  await assert.rejects(readForm(form("a=1&".repeat(101))), { message: "form: may have 100 fields, got 101" });
});

Deno.test("requireSameOrigin takes what a page of ours sends", () => {
  const rows: [Record<string, string>, boolean][] = [
    [{}, true],
    [{ "sec-fetch-site": "same-origin", origin: "https://a.test" }, true],
    [{ "sec-fetch-site": "none" }, true],
    // Behind the proxy: the browser says https, the request came in the clear under the same name.
    [{ host: "a.test", origin: "https://a.test" }, true],
    [{ "sec-fetch-site": "cross-site" }, false],
    [{ "sec-fetch-site": "same-site" }, false],
    [{ origin: "https://evil.test" }, false],
    [{ origin: "https://a.test.evil.test" }, false],
    [{ origin: "https://a.test:8443" }, false],
    [{ origin: "null" }, false],
  ];
  for (const [headers, good] of rows) {
    const check = () => requireSameOrigin(form("", headers));
    if (good) check();
    else assert.throws(check, { code: "denied", rule: "csrf" }, JSON.stringify(headers));
  }
});

Deno.test("requireCsrf takes the session's token only", async () => {
  const sessions = new SessionStore<null>({ name: "mcq" });
  const { session } = sessions.create(null);
  const check = async (body: string, headers = {}) => {
    const request = form(body, headers);
    requireCsrf(request, await readForm(request), session);
  };
  await check(`csrf_token=${session.csrfToken}`);
  for (
    const body of [
      "",
      "csrf_token=",
      `csrf_token=${sessions.create(null).session.csrfToken}`,
      `csrf_token=${session.id}`,
    ]
  ) {
    await assert.rejects(check(body), { code: "denied", rule: "csrf" }, body);
  }
  await assert.rejects(check(`csrf_token=${session.csrfToken}`, { origin: "https://evil.test" }), { code: "denied" });
});
