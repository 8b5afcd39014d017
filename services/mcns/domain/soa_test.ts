import assert from "node:assert/strict";
import { parseMailbox, parseSoaTimes } from "./soa.ts";

Deno.test("parseMailbox takes a mail address or the SOA form", () => {
  for (
    const [text, want] of [
      ["admin@example.org", "admin.example.org"],
      ["John.Doe@Example.org", "john\\.doe.example.org"],
      ["hostmaster.example.org", "hostmaster.example.org"],
      ["hostmaster.example.org.", "hostmaster.example.org"],
      ["john\\.doe.example.org", "john\\.doe.example.org"],
      ["john+doe@example.org", "john\\+doe.example.org"],
      ["john\\+doe.example.org", "john\\+doe.example.org"],
      ["john+doe.example.org", "john\\+doe.example.org"],
    ] as const
  ) assert.equal(parseMailbox(text).text, want);
});

Deno.test("parseMailbox refuses what is neither", () => {
  for (const text of ["", "admin", "@example.org", "a b@example.org", "a@", "a..b@example.org", "a@b@", "\\", "a\\"]) {
    assert.throws(() => parseMailbox(text), { code: "invalid", field: "admin_email" }, text);
  }
});

Deno.test("parseSoaTimes fills in defaults and refuses a zone that expires before it retries", () => {
  assert.deepEqual(parseSoaTimes({ refresh: 0, retry: 0, expire: 0, minimum: 0 }), {
    refresh: 3600,
    retry: 600,
    expire: 604800,
    minimum: 300,
  });
  assert.equal(parseSoaTimes({ refresh: 60, retry: 10, expire: 71, minimum: 1 }).expire, 71);
  assert.throws(() => parseSoaTimes({ refresh: 60, retry: 10, expire: 70, minimum: 1 }), {
    message: 'expire: must be more than refresh + retry (70 seconds), got "70"',
  });
  assert.throws(() => parseSoaTimes({ refresh: 2 ** 31, retry: 10, expire: 70, minimum: 1 }), { field: "refresh" });
});
