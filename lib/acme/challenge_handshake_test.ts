/** The challenge's handshake, taken by OpenSSL, and by hellos that it can't answer. */
import assert from "node:assert/strict";
import { run } from "@lib/testing/mod.ts";
import { makeChallenge } from "./challenge.ts";
import { challengeFlight } from "./challenge_handshake.ts";
import { readChallengeHello } from "./challenge_hello.ts";

async function challenge() {
  const made = await makeChallenge("tls-alpn-01", "www.example.org", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ", "print");
  assert.ok(made.type === "tls-alpn-01");
  return made;
}

/** What `openssl s_client` says of one handshake, and what we did. */
async function shake(more: string[]): Promise<{ said: string; failed: string; hello: Uint8Array }> {
  const made = await challenge();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const at = `127.0.0.1:${listener.addr.port}`;
  const args = ["s_client", "-connect", at, "-alpn", "acme-tls/1", "-servername", made.serverName, ...more];
  const client = run("openssl", args, { stdin: "" });
  using conn = await listener.accept();
  const buffer = new Uint8Array(16384);
  const hello = buffer.slice(0, await conn.read(buffer) ?? 0);
  let failed = "";
  try {
    await conn.write(await challengeFlight(hello, made));
    while (await conn.read(buffer) !== null);
  } catch (error) {
    failed = error instanceof RangeError ? error.message : "";
  }
  conn.closeWrite().catch(() => {});
  const { stdout, stderr } = await client;
  return { said: stdout + stderr, failed, hello };
}

Deno.test("challengeFlight completes a handshake with OpenSSL, whatever it prefers", async () => {
  for (const more of [[], ["-groups", "P-256"], ["-groups", "X25519:P-256"], ["-no_middlebox"], ["-tls1_3"]]) {
    const { said, failed } = await shake(more);
    assert.equal(failed, "", more.join(" "));
    assert.match(said, /ALPN protocol: acme-tls\/1/);
    assert.match(said, /New, TLSv1\.3, Cipher is TLS_AES_128_GCM_SHA256/);
    assert.match(said, /CN ?= ?ACME challenge/);
  }
});

Deno.test("challengeFlight refuses a hello with nothing in common", async () => {
  const rows: [string[], string][] = [
    [["-groups", "P-384"], "no key share in common"],
    [["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], "no cipher suite in common"],
    [["-sigalgs", "RSA-PSS+SHA256"], "no signature algorithm in common"],
  ];
  for (const [more, expected] of rows) assert.equal((await shake(more)).failed, expected);
});

Deno.test("readChallengeHello reads a hello cut into records, and throws nothing but RangeErrors for the rest", async () => {
  const { hello } = await shake([]);
  const whole = readChallengeHello(new Uint8Array(hello));
  const body = hello.subarray(5);
  const cut = [...body].flatMap((octet) => [22, 3, 1, 0, 1, octet]);
  assert.deepEqual(readChallengeHello(Uint8Array.from(cut)).message, whole.message);
  const made = await challenge();
  for (let length = 0; length < hello.length; length++) {
    assert.throws(() => readChallengeHello(hello.slice(0, length)), RangeError);
  }
  for (let at = 0; at < hello.length; at++) {
    const bad = hello.slice();
    bad[at]! ^= 0x55;
    await challengeFlight(bad, made).catch((error) => assert.ok(error instanceof RangeError, `${at}: ${error}`));
  }
});
