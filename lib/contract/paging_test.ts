import assert from "node:assert/strict";
import { nextPageToken, pageOf, parsePage } from "./paging.ts";

Deno.test("parsePage applies default and maximum", () => {
  const limits = (pageSize: number) => parsePage({ pageSize, pageToken: "" }, { max: 50, default: 10 }).limit;
  assert.deepEqual([limits(0), limits(7), limits(50), limits(51)], [10, 7, 50, 50]);
  assert.deepEqual(parsePage({ pageSize: 0, pageToken: "" }), { limit: 100, after: null });
});

Deno.test("parsePage reads what nextPageToken wrote, and nothing else", () => {
  for (const key of ["a", "", "zone\u0000näme", "12", "x".repeat(300)]) {
    const pageToken = nextPageToken(key);
    assert.match(pageToken, /^[A-Za-z0-9_-]+$/);
    assert.equal(parsePage({ pageSize: 0, pageToken }).after, key);
  }
  assert.equal(parsePage({ pageSize: 0, pageToken: nextPageToken(12n) }).after, "12");
  for (const pageToken of ["x", "aGVsbG8", "%%%", "MTo=MTo="]) {
    assert.throws(() => parsePage({ pageSize: 0, pageToken }), { code: "invalid", field: "page_token" });
  }
});

Deno.test("pageOf says whether there is more by the row that was fetched too many", () => {
  const page = { limit: 2, after: null };
  const key = (row: string) => row;
  assert.deepEqual(pageOf(["a", "b", "c"], page, key), { items: ["a", "b"], nextPageToken: nextPageToken("b") });
  assert.deepEqual(pageOf(["a", "b"], page, key), { items: ["a", "b"], nextPageToken: "" });
  assert.deepEqual(pageOf([], page, key), { items: [], nextPageToken: "" });
});
