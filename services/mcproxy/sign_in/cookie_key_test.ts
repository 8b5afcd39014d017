import assert from "node:assert/strict";
import { join } from "node:path";
import { cookieKey } from "./cookie_key.ts";

Deno.test("cookieKey makes one key for good, in a file of its own, and mends one that was cut short", async () => {
  const dir = await Deno.makeTempDir();
  const path = join(dir, "key");
  const key = cookieKey(path);
  assert.ok(key.length === 32 && key.some((octet) => octet !== 0));
  assert.deepEqual(cookieKey(path), key);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  // A crash in the middle of the first write.
  Deno.truncateSync(path, 5);
  const mended = cookieKey(path);
  assert.notDeepEqual(mended, key);
  assert.deepEqual(cookieKey(path), mended);
  assert.throws(() => cookieKey(join(dir, "none", "key")), Deno.errors.NotFound);
  await Deno.remove(dir, { recursive: true });
});
