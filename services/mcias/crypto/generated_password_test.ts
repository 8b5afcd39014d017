import assert from "node:assert/strict";
import { checkPassword } from "../domain/password_rule.ts";
import { generatePassword } from "./generated_password.ts";

Deno.test("generatePassword makes passwords that the rule takes, each another one", () => {
  const made = Array.from({ length: 200 }, generatePassword);
  for (const password of made) {
    assert.match(password, /^([a-hj-km-np-z2-79]{6}-){3}[a-hj-km-np-z2-79]{6}$/);
    checkPassword(password, "admin", "password");
  }
  assert.equal(new Set(made).size, made.length);
});
