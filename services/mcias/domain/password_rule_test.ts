import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { checkPassword, isOversized, normalPassword } from "./password_rule.ts";
import commonText from "./common_passwords.txt" with { type: "text" };

Deno.test("checkPassword takes long ones of any composition", () => {
  const good = [
    "tangerine walrus opera",
    "k7wq2m-x9tbvc-4hfjrz-ndpgsa",
    "ohyesthisislong",
    "ünïcödé ist schön",
    "9274610385127",
    "            x y z a",
    "adapts slowly, like moss", // holds the username among much else
    "x".repeat(1000) + "abcd", // silly, but its owner's choice
  ];
  for (const password of good) checkPassword(password, "ada", "password");
});

Deno.test("checkPassword refuses the short, the common and the regular", () => {
  const table: [string, RegExp][] = [
    ["", /at least 12 characters, got 0/],
    ["short", /at least 12 characters, got 5/],
    ["éééééé", /at least 12 characters, got 6/],
    ["😀😀😀😀😀😀", /at least 12 characters, got 6/], // characters, not UTF-16 units
    ["a".repeat(1025), /at most 1024 bytes/],
    ["é".repeat(600), /at most 1024 bytes/],
    ["correcthorsebatterystaple", /common password/],
    ["Correct Horse Battery Staple", /common password/],
    ["Password1234", /common password/],
    ["p4ssw0rd!2024", /common password/],
    ["P@$$w0rd123456", /common password/],
    ["!!!password!!!", /common password/],
    ["1234welcome5678", /common password/],
    ["Summer2026!!!", /common password/],
    ["adm1n1strat0r", /common password/],
    ["qwertyuiop123", /common password/],
    ["l.e.t.m.e.i.n.1", /common password/],
    ["aaaaabbbbbccccc", /fewer than five different/],
    ["xkcdvxkcdvxkcdv", /repeats a short piece/],
    ["fghijklmnopqr", /sequence/],
    ["543210987654", /sequence/],
    ["ada-lovelace1", /username with fewer than eight/],
  ];
  for (const [password, message] of table) {
    assert.throws(() => checkPassword(password, "ada-lovelace", "new_password"), (error) => {
      assert.ok(error instanceof PlatformError);
      assert.equal(error.field, "new_password");
      assert.match(error.message, message, password);
      if (password.length > 5) assert.ok(!error.message.includes(password), "the message shows the password");
      return true;
    });
  }
});

Deno.test("the list of common passwords has entries that the length rule lets through, lower case, once each", () => {
  const lines = commonText.split("\n").filter((line) => line !== "");
  assert.ok(lines.filter((line) => line.length >= 12).length >= 200, "too short a list");
  assert.equal(new Set(lines).size, lines.length);
  for (const line of lines) {
    assert.equal(line, line.trim().toLowerCase());
    if (line.length >= 12) assert.throws(() => checkPassword(line, "zz", "password"), { code: "invalid" }, line);
  }
});

Deno.test("normalPassword makes one of two ways to write a character", () => {
  assert.equal(normalPassword("e\u0301"), normalPassword("\u00e9"));
  assert.equal(isOversized("a".repeat(1024)), false);
  assert.equal(isOversized("é".repeat(513)), true);
});
