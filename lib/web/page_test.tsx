import assert from "node:assert/strict";
import { denied } from "@lib/errors/mod.ts";
import { errorPage, htmlResponse, Page, plaintextNotice } from "./page.tsx";
import { stylesheetUrl } from "./assets.ts";

Deno.test("Page escapes what it shows, marks the current link and offers the way out", async () => {
  const response = await htmlResponse(
    <Page
      service="MCQ"
      title="<Queue>"
      path="/done"
      nav={[{ href: "/", text: "Open" }, { href: "/done", text: "Done & gone" }]}
      user={{ name: 'a"b', logoutPath: "/logout", csrfToken: "token" }}
    >
      <p>{"<script>alert(1)</script>"}</p>
    </Page>,
  );
  const html = await response.text();
  assert.ok(html.startsWith('<!doctype html><html lang="en">'), html.slice(0, 80));
  assert.match(html, /<title>&lt;Queue&gt; – MCQ<\/title>/);
  assert.match(html, /<a href="\/done" aria-current="page">Done &amp; gone<\/a>/);
  assert.match(html, /<input type="hidden" name="csrf_token" value="token"\/?>/);
  assert.match(html, /a&quot;b/);
  assert.ok(html.includes(`<link rel="stylesheet" href="${stylesheetUrl}"`));
  assert.doesNotMatch(html, /<script/);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
});

Deno.test("errorPage shows a PlatformError with its status and hides any other", async () => {
  const shell = { service: "MCQ" };
  const known = await errorPage(denied("rule", "Not yours", { hint: "Ask the owner" }), shell, "id-1");
  const text = await known.text();
  assert.equal(known.status, 403);
  assert.match(text, /Not yours[^]*Ask the owner[^]*id-1/);
  const unknown = await errorPage(new Error("the password is 1234"), shell, "id-2");
  assert.equal(unknown.status, 500);
  assert.doesNotMatch(await unknown.text(), /1234/);
});

Deno.test("plaintextNotice speaks up only when the browser came without HTTPS", async () => {
  const shell = { service: "MCQ" };
  assert.equal(plaintextNotice(new Request("https://mcq.test/"), shell), null);
  assert.equal(
    plaintextNotice(new Request("http://mcq.test/", { headers: { "x-forwarded-proto": "https" } }), shell),
    null,
  );
  const notice = await plaintextNotice(new Request("http://mcq.test/x"), shell)!;
  assert.equal(notice.status, 400);
  assert.match(await notice.text(), /https:\/\/mcq\.test\/x/);
});
