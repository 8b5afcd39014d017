import assert from "node:assert/strict";
import { pieceCount, pieceMs } from "./query_watch.ts";
import { niceCeiling, RatePicture } from "./rate_picture.tsx";

Deno.test("niceCeiling rounds up to 1, 2 or 5 times a power of ten", () => {
  const rows: [number, number][] = [[0, 1], [0.2, 1], [1.1, 2], [2, 2], [3, 5], [7, 10], [11, 20], [499, 500], [
    501,
    1000,
  ]];
  for (const [value, want] of rows) assert.equal(niceCeiling(value), want, String(value));
});

Deno.test("RatePicture stacks the codes of a piece and says in words what it shows", async () => {
  const pieces = Array.from({ length: pieceCount }, (_, i) => ({
    from: i * pieceMs,
    counts: new Map(i === 59 ? [["NOERROR", 25], ["NXDOMAIN", 20], ["NOTIMP", 5]] as const : []),
  }));
  const html = String(await <RatePicture pieces={pieces} />);
  assert.match(html, /aria-label="At most 10 queries per second; in all 25 NOERROR, 20 NXDOMAIN, 5 other\."/);
  assert.match(html, /top 10</);
  // Ten per second fill the picture: half of it NOERROR, from the bottom.
  assert.match(html, /<rect class="rcode-noerror" x="590" y="50.0" width="8" height="50.0"/);
  assert.match(html, /<rect class="rcode-nxdomain" x="590" y="10.0" width="8" height="40.0"/);
  assert.match(html, /<rect class="rcode-other" x="590" y="0.0" width="8" height="10.0"/);
  assert.doesNotMatch(html, /style=/);
});

Deno.test("RatePicture without queries says so", async () => {
  const html = String(await <RatePicture pieces={[{ from: 0, counts: new Map() }]} />);
  assert.match(html, /aria-label="No queries in this time\."/);
});
