import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "./address.ts";

Deno.test("parseAddress reads what formatAddress writes", () => {
  for (const text of ["127.0.0.1:8443", "[::1]:0", "localhost:65535", "unix:/run/x.sock", "a-b.test:53"]) {
    assert.equal(formatAddress(parseAddress(text)), text);
  }
});

Deno.test("parseAddress refuses anything else by field and value", () => {
  for (const text of ["", "8443", ":8443", "::1:80", "a:65536", "a:-1", "a:1x", "a b:1", "unix:x", "https://a:1"]) {
    assert.throws(() => parseAddress(text, "server.rest_addr"), (error: Error) => {
      assert.match(error.message, /^server\.rest_addr: /);
      assert.ok(error.message.endsWith(`got ${JSON.stringify(text)}`), error.message);
      return true;
    });
  }
});
