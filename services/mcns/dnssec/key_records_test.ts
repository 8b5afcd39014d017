/** The examples of the RFCs, as they stand there. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { nsec3Hash } from "../dns/nsec3_hash.ts";
import { DomainName } from "../domain/name.ts";
import { fromBytes } from "../domain/octets.ts";
import { formatData, parseData } from "../domain/rdata/record_data.ts";
import { types } from "../domain/rdata/record_type.ts";
import { hashOfOwner, ownerBelow, ownerOfHash } from "./hashed_owner.ts";
import { dnskeyData, dsData, keyTag, namesKey } from "./key_records.ts";
import { signedOctets, type SigningJob } from "./signature.ts";
import { newKey, SigningKey } from "./signing_key.ts";

const key = (name: string): string => DomainName.parse(name, "name").key;

/** PKCS #8 of a private key as the RFCs print it: base64 of the bare number. */
function pkcs8(algorithm: "ed25519" | "ecdsap256sha256", secret: string, publicKey: string): Uint8Array<ArrayBuffer> {
  const d = Uint8Array.fromBase64(secret).toBase64({ alphabet: "base64url", omitPadding: true });
  const octets = Uint8Array.fromBase64(publicKey);
  const part = (from: number, to: number) =>
    octets.slice(from, to).toBase64({ alphabet: "base64url", omitPadding: true });
  const jwk = algorithm === "ed25519"
    ? { kty: "OKP", crv: "Ed25519", d, x: part(0, 32) }
    : { kty: "EC", crv: "P-256", d, x: part(0, 32), y: part(32, 64) };
  return new Uint8Array(createPrivateKey({ key: jwk, format: "jwk" }).export({ type: "pkcs8", format: "der" }));
}

Deno.test("keyTag and dsData give the tags and digests of RFC 4034, RFC 6605 and RFC 8080", () => {
  const rows: [what: string, zone: string, dnskey: string, tag: number, ds: [type: 2 | 4, digest: string] | null][] = [
    [
      "RFC 4034 §5.4 (an RSA key; its DS has SHA-1, which we don't make)",
      "dskey.example.com",
      "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
      60485,
      null,
    ],
    [
      "RFC 4509 §2.3 (the same key)",
      "dskey.example.com",
      "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
      60485,
      [2, "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"],
    ],
    [
      "RFC 6605 §6.1",
      "example.net",
      "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
      55648,
      [2, "B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17"],
    ],
    [
      "RFC 8080 §6.1",
      "example.com",
      "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
      3613,
      [2, "3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B"],
    ],
    [
      "RFC 8080 §6.1, the other",
      "example.com",
      "257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
      35217,
      [2, "401781B934E392DE492EC77AE2E15D70F6575A1C0BC59C5275C04EBE80C6614C"],
    ],
  ];
  for (const [what, zone, text, tag, ds] of rows) {
    const dnskey = parseData(types.DNSKEY, text);
    assert.equal(keyTag(dnskey), tag, what);
    if (ds === null) continue;
    const data = dsData(key(zone), dnskey, ds[0]);
    assert.equal(formatData(types.DS, data).split(" ")[3]!.toUpperCase(), ds[1], what);
    assert.ok(namesKey(data, key(zone), dnskey), what);
    assert.ok(!namesKey(data, key("other.example"), dnskey), what);
  }
});

Deno.test("SigningKey signs as RFC 8080 §6.1 does, and what RFC 6605 §6.1 verifies", async () => {
  // Ed25519 has one signature per key and text: ours must be the RFC's.
  const mx = parseData(types.MX, "10 mail.example.com.");
  const rows: [secret: string, publicKey: string, tag: number, signature: string][] = [
    [
      "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
      "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
      3613,
      "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
    ],
    [
      "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
      "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
      35217,
      "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
    ],
  ];
  for (const [secret, publicKey, tag, signature] of rows) {
    const signing = new SigningKey(
      { algorithm: "ed25519", role: "csk", publicKey: fromBytes(Uint8Array.fromBase64(publicKey)) },
      () => pkcs8("ed25519", secret, publicKey),
    );
    assert.equal(signing.tag, tag);
    const job: SigningJob = {
      owner: key("example.com"),
      set: { type: types.MX, ttlSeconds: 3600, data: [mx], signatures: [] },
      key: signing,
    };
    const text = `MX 15 2 3600 1440021600 1438207200 ${tag} example.com. ${signature}`;
    const whole = parseData(types.RRSIG, text);
    const head = whole.slice(0, -64);
    assert.equal(head + signing.sign(signedOctets(job, head)), whole);
    assert.equal(head + await signing.signAside(signedOctets(job, head)), whole);
  }
  // ECDSA signatures differ each time: the RFC's own key verifies ours.
  const publicKey = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
  const signing = new SigningKey(
    { algorithm: "ecdsap256sha256", role: "ksk", publicKey: fromBytes(Uint8Array.fromBase64(publicKey)) },
    () => pkcs8("ecdsap256sha256", "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=", publicKey),
  );
  assert.equal(signing.tag, 55648);
  const verifier = await crypto.subtle.importKey(
    "raw",
    Uint8Array.of(4, ...Uint8Array.fromBase64(publicKey)),
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["verify"],
  );
  const text = new TextEncoder().encode("www.example.net. A");
  for (const made of [signing.sign(text), await signing.signAside(text)]) {
    const octets = Uint8Array.from(made, (character) => character.charCodeAt(0));
    assert.equal(octets.length, 64);
    assert.ok(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, verifier, octets, text));
  }
});

Deno.test("newKey makes keys whose public half fits the private one, with a tag that is free", () => {
  for (const algorithm of ["ed25519", "ecdsap256sha256"] as const) {
    const made = newKey({ role: "csk", algorithm, state: "published", until: null, taken: [] });
    const jwk = createPublicKey(createPrivateKey({ key: Buffer.from(made.privateKey), format: "der", type: "pkcs8" }))
      .export({ format: "jwk" }) as JsonWebKey;
    const x = fromBytes(Uint8Array.fromBase64(jwk.x!, { alphabet: "base64url" }));
    assert.ok(made.publicKey.startsWith(x));
    assert.equal(made.publicKey.length, algorithm === "ed25519" ? 32 : 64);
    assert.equal(made.tag, keyTag(dnskeyData("csk", algorithm === "ed25519" ? 15 : 13, made.publicKey)));
  }
  const taken = Array.from({ length: 65536 }, (_, tag) => tag).filter((tag) => tag % 64 !== 7);
  const { tag } = newKey({ role: "zsk", algorithm: "ed25519", state: "active", until: null, taken });
  assert.ok(!taken.includes(tag));
});

Deno.test("nsec3Hash gives the hashes of RFC 5155 appendix A", () => {
  const parameters = { algorithm: 1, iterations: 12, salt: "\xaa\xbb\xcc\xdd" };
  for (
    const [name, hash] of [
      ["example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"],
      ["a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"],
      ["ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"],
      ["ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"],
      ["ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"],
      ["w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"],
      ["*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"],
      ["x.w.example", "b4um86eghhds6nea196smvmlo4ors995"],
      ["y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"],
      ["x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"],
      ["xx.example", "t644ebqk9bibcna874givr6joj62mlhv"],
    ] as const
  ) assert.equal(nsec3Hash(key(name), parameters), "\x20" + hash, name);
});

Deno.test("hashOfOwner and ownerOfHash undo each other, ownerBelow is the owner of the hash before", () => {
  const zone = key("example");
  const owner = "\x200p9mhaveqvm6t7vbl5lop2u3t2rp3tom" + zone;
  assert.equal(hashOfOwner("\x20" + "0".repeat(31) + "v" + zone), "\0".repeat(19) + "\x1f");
  assert.equal(ownerOfHash(hashOfOwner(owner), zone), owner);
  for (
    const [of, below] of [
      ["0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tol"],
      ["0p9mhaveqvm6t7vbl5lop2u3t2rp3t00", "0p9mhaveqvm6t7vbl5lop2u3t2rp3svv"],
      ["10000000000000000000000000000000", "0vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"],
      ["00000000000000000000000000000000", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"],
    ]
  ) assert.equal(ownerBelow("\x20" + of + zone), "\x20" + below + zone);
});
