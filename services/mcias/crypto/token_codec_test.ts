import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { Claims } from "../domain/token_claims.ts";
import { MasterKey, newKeyFile } from "./master_key.ts";
import { generateSigningKey, importPublicKey, openSigningKey } from "./signing_key.ts";
import { readToken, signToken } from "./token_codec.ts";

const claims: Claims = {
  iss: "i",
  sub: "s",
  iat: 1,
  nbf: 1,
  exp: 2,
  jti: "j",
  username: "ada",
  account_type: "human",
  roles: ["admin"],
};

const part = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });

async function keyring() {
  const master = await MasterKey.fromKeyFile(new TextEncoder().encode(newKeyFile()));
  const keys = [await generateSigningKey(master), await generateSigningKey(master)] as const;
  const publicKeys = new Map(
    await Promise.all(keys.map(async (key) => [key.kid, await importPublicKey(key.publicJwk)] as const)),
  );
  return {
    keys,
    master,
    privateKey: await openSigningKey(master, keys[0]),
    read: (token: string) => readToken(token, (kid) => Promise.resolve(publicKeys.get(kid) ?? null)),
  };
}

Deno.test("readToken reads what signToken signed", async () => {
  const { keys, privateKey, read } = await keyring();
  const token = await signToken(claims, keys[0].kid, privateKey);
  assert.deepEqual(await read(token), claims);
  const [header = ""] = token.split(".");
  assert.deepEqual(JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(header, { alphabet: "base64url" }))), {
    alg: "EdDSA",
    kid: keys[0].kid,
    typ: "JWT",
  });
});

Deno.test("readToken tells a token with scopes by its typ, and takes none of the other kind", async () => {
  const { keys: [key], privateKey, read } = await keyring();
  const scoped = { ...claims, scope: "mcns:record:example.org:www" };
  const headOf = (token: string) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(token.split(".")[0]!, { alphabet: "base64url" })));
  const token = await signToken(scoped, key.kid, privateKey);
  assert.equal(headOf(token).typ, "scoped+jwt");
  assert.deepEqual(await read(token), scoped);
  for (const [payload, typ] of [[scoped, "JWT"], [claims, "scoped+jwt"], [{ ...claims, scope: null }, "JWT"]]) {
    const text = `${part({ alg: "EdDSA", kid: key.kid, typ })}.${part(payload)}`;
    const bytes = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text)));
    assert.equal(await read(`${text}.${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`), null);
  }
});

Deno.test("readToken refuses every forgery", async () => {
  const { keys: [first, second], privateKey, read } = await keyring();
  const token = await signToken(claims, first.kid, privateKey);
  const [header = "", payload = "", signature = ""] = token.split(".");
  const head = { alg: "EdDSA", kid: first.kid, typ: "JWT" };

  /** Signs with the right key, whatever the header says. */
  const signed = async (header: unknown, body = part(claims)) => {
    const text = `${part(header)}.${body}`;
    const bytes = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text)));
    return `${text}.${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  };
  /** The classic: the public key taken for an HMAC secret. */
  const hmac = (secret: string | Uint8Array) => {
    const text = `${part({ ...head, alg: "HS256" })}.${payload}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const attacker = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
  const attackerJwk = await crypto.subtle.exportKey("jwk", attacker.publicKey);

  const forgeries: [string, string][] = [
    ["nothing", ""],
    ["no dots", "abc"],
    ["only dots", ".."],
    ["five parts, as a JWE", `${token}.a.b`],
    ["padding", `${token}=`],
    ["a space", ` ${token}`],
    ["cut signature", token.slice(0, -4)],
    ["no signature", `${header}.${payload}.`],
    ["other payload", `${header}.${part({ ...claims, roles: ["admin", "user"] })}.${signature}`],
    ["other header", `${part({ ...head, extra: 1 })}.${payload}.${signature}`],
    ["alg none", `${part({ alg: "none", typ: "JWT" })}.${payload}.`],
    ["alg none with our kid", `${part({ ...head, alg: "none" })}.${payload}.`],
    ["alg none with our signature", await signed({ ...head, alg: "none" })],
    ["alg None", await signed({ ...head, alg: "None" })],
    ["HS256 by x", hmac(first.publicJwk.x)],
    ["HS256 by the raw key", hmac(Uint8Array.fromBase64(first.publicJwk.x, { alphabet: "base64url" }))],
    ["HS256 by the JWK", hmac(JSON.stringify(first.publicJwk))],
    ["alg ES256", await signed({ ...head, alg: "ES256" })],
    ["kid of another key of ours", await signed({ ...head, kid: second.kid })],
    ["unknown kid", await signed({ ...head, kid: "nobody" })],
    ["no kid", await signed({ alg: "EdDSA", typ: "JWT" })],
    ["kid that is no text", await signed({ ...head, kid: { toString: first.kid } })],
    ["other typ", await signed({ ...head, typ: "at+jwt" })],
    ["a key of the attacker's in the header", await signed({ ...head, jwk: attackerJwk })],
    ["crit", await signed({ ...head, crit: ["exp"], exp: 1 })],
    ["b64 false", await signed({ ...head, b64: false, crit: ["b64"] })],
    ["payload that is no JSON", await signed(head, part(claims).slice(0, -3))],
    ["more than 8 KiB", await signed(head, part({ ...claims, roles: ["x".repeat(9000)] }))],
  ];
  for (const [what, forged] of forgeries) assert.equal(await read(forged), null, what);
  assert.ok(await read(await signed(head))); // the tool that forged can also sign well
});

Deno.test("readToken refuses a token of which any character was changed", async () => {
  const { keys, privateKey, read } = await keyring();
  const token = await signToken(claims, keys[0].kid, privateKey);
  // The last character's low bits carry nothing: 64 bytes are 85.33 characters. Every other one counts.
  for (let i = 0; i < token.length - 1; i++) {
    const swapped = token[i] === "A" ? "B" : "A";
    assert.equal(await read(token.slice(0, i) + swapped + token.slice(i + 1)), null, `character ${i}`);
  }
});

Deno.test("openSigningKey gives a key that can't be taken out, and only under its own id", async () => {
  const { keys: [first, second], master, privateKey } = await keyring();
  assert.equal(privateKey.extractable, false);
  await assert.rejects(openSigningKey(master, { ...second, sealedPrivate: first.sealedPrivate }), /does not open/);
});
