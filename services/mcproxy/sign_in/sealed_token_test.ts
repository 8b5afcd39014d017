import assert from "node:assert/strict";
import { openToken, sealToken } from "./sealed_token.ts";

const key = new Uint8Array(32).fill(7);
const token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

Deno.test("openToken gives what sealToken sealed, and nothing for another name, another key, or a changed text", () => {
  const sealed = sealToken(token, "a.test", key);
  assert.match(sealed, /^[A-Za-z0-9_-]+$/);
  assert.equal(openToken(sealed, "a.test", key), token);
  assert.equal(openToken(sealed, "b.test", key), null);
  assert.equal(openToken(sealed, "a.test", new Uint8Array(32)), null);
  // Two of the same don't look alike.
  assert.notEqual(sealToken(token, "a.test", key), sealed);
  const bytes = Uint8Array.fromBase64(sealed, { alphabet: "base64url" });
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    assert.equal(openToken(changed.toBase64({ alphabet: "base64url" }), "a.test", key), null, `octet ${at}`);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(openToken(sealed.slice(0, length), "a.test", key), null, `cut at ${length}`);
  }
  for (const text of ["", "A", "=", "%00", `${sealed}=`, `${sealed}A`, "A".repeat(100_000), "\u0100".repeat(60)]) {
    assert.equal(openToken(text, "a.test", key), null);
  }
});
