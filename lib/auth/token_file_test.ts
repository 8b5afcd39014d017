import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { TokenFile } from "./token_file.ts";

Deno.test("TokenFile gives the token, notices a replacement, and keeps the last good one", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/token`;
    const clock = new FakeClock();
    assert.throws(() => new TokenFile({ path, clock }), { code: "unavailable", hint: /mcias token issue/ });
    Deno.writeTextFileSync(path, "two words\n");
    assert.throws(() => new TokenFile({ path, clock }), { code: "invalid", message: /does not hold one token/ });
    Deno.writeTextFileSync(path, "first\n");
    const file = new TokenFile({ path, clock, rereadMs: 5_000 });
    assert.equal(file.token(), "first");
    Deno.writeTextFileSync(path, "second\n");
    assert.equal(file.token(), "first");
    clock.advance(5_000);
    assert.equal(file.token(), "second");
    Deno.removeSync(path);
    clock.advance(5_000);
    assert.equal(file.token(), "second");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
