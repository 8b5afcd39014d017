import assert from "node:assert/strict";
import { assetResponse, stylesheetUrl } from "./assets.ts";

const ask = (path: string, init: RequestInit = {}) => assetResponse(new Request(`https://a.test${path}`, init));

Deno.test("assetResponse serves the sheet for good under its hash", async () => {
  const response = ask(stylesheetUrl)!;
  assert.equal(response.headers.get("content-type"), "text/css; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
  assert.match(await response.text(), /prefers-color-scheme: dark/);
});

Deno.test("assetResponse without the hash must be asked again, and answers 304 to whoever has it", async () => {
  const first = ask("/assets/style.css")!;
  assert.equal(first.headers.get("cache-control"), "no-cache");
  const etag = first.headers.get("etag")!;
  await first.body!.cancel();
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
    assert.equal(ask("/assets/style.css", { headers: { "if-none-match": known } })?.status, 304, known);
  }
  const other = ask("/assets/style.css", { headers: { "if-none-match": '"other"' } })!;
  assert.equal(other.status, 200);
  await other.body!.cancel();
});

Deno.test("assetResponse leaves everything else to others", () => {
  assert.equal(ask("/"), null);
  assert.equal(ask("/assets/style.css", { method: "POST" }), null);
});
