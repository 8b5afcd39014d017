/**
 * The server's side of a TLS 1.3 handshake (RFC 8446) that shows a challenge's certificate and does nothing else.
 *
 * Why not the runtime's TLS: it refuses to serve a certificate with a critical extension that it doesn't know, and RFC
 * 8737 §3 has exactly such a one. What stands here is not fit for anything but a challenge, and needs not be: no
 * application data follows (RFC 8737 §4), and the key is thrown away.
 * - One suite, TLS_AES_128_GCM_SHA256, which every client has (§9.1); X25519 or P-256, of which every client that
 *   validates sends a share; ecdsa_secp256r1_sha256. A hello without these is refused, no retry is asked for.
 * - Nothing that the client sends after its hello is looked at: its Finished would vouch for data that never comes.
 * @module
 */
import { createCipheriv, createHash, createHmac, sign } from "node:crypto";
import { readOnePem } from "@lib/pki/mod.ts";
import { acmeTlsProtocol } from "./challenge_certificate.ts";
import { readChallengeHello } from "./challenge_hello.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const aes128GcmSha256 = 0x1301;
const ecdsaP256Sha256 = 0x0403;
const groups = [
  { id: 0x001d, algorithm: { name: "X25519" } },
  { id: 0x0017, algorithm: { name: "ECDH", namedCurve: "P-256" } },
] as const;
const message = {
  serverHello: 2,
  encryptedExtensions: 8,
  certificate: 11,
  certificateVerify: 15,
  finished: 20,
} as const;
const record = { changeCipherSpec: 20, handshake: 22, applicationData: 23 } as const;
const encoder = new TextEncoder();

/**
 * The server's first flight, to be sent as it is; the client then has the certificate and is content.
 * @param hello the client's records up to the end of its ClientHello
 * @throws RangeError when the hello is malformed or has nothing in common with what is done here
 */
export async function challengeFlight(
  hello: Uint8Array,
  { certPem, keyPem }: { certPem: string; keyPem: string },
): Promise<Bytes> {
  const asked = readChallengeHello(new Uint8Array(hello));
  if (!asked.cipherSuites.includes(aes128GcmSha256)) throw new RangeError("no cipher suite in common");
  if (!asked.signatures.includes(ecdsaP256Sha256)) throw new RangeError("no signature algorithm in common");
  const { group, ours, shared } = await agree(asked.keyShares);

  const extensions = vector(
    2,
    join(number(2, 43), vector(2, number(2, 0x0304))),
    join(number(2, 51), vector(2, join(number(2, group), vector(2, ours)))),
  );
  const random = crypto.getRandomValues(new Uint8Array(32));
  const serverHello = handshake(
    message.serverHello,
    join(number(2, 0x0303), random, vector(1, asked.sessionId), number(2, aes128GcmSha256), number(1, 0), extensions),
  );

  // §7.1, down to the handshake's traffic secret. Without PSK the early secret is made of zeros.
  const zeros = new Uint8Array(32);
  const early = hmac(zeros, zeros);
  const secret = hmac(expand(early, "derived", hash(), 32), shared);
  const traffic = expand(secret, "s hs traffic", hash(asked.message, serverHello), 32);

  const alpn = vector(2, vector(1, encoder.encode(acmeTlsProtocol)));
  const encrypted = handshake(message.encryptedExtensions, vector(2, join(number(2, 16), vector(2, alpn))));
  const entry = join(vector(3, readOnePem(certPem, "CERTIFICATE")), vector(2));
  const certificate = handshake(message.certificate, join(vector(1), vector(3, entry)));
  // §4.4.3: what is signed can't be mistaken for anything else that is.
  const covered = join(
    new Uint8Array(64).fill(0x20),
    encoder.encode("TLS 1.3, server CertificateVerify\0"),
    hash(asked.message, serverHello, encrypted, certificate),
  );
  const signature = new Uint8Array(sign("sha256", covered, keyPem));
  const verify = handshake(message.certificateVerify, join(number(2, ecdsaP256Sha256), vector(2, signature)));
  const finishedKey = expand(traffic, "finished", new Uint8Array(), 32);
  const transcript = hash(asked.message, serverHello, encrypted, certificate, verify);
  const finished = handshake(message.finished, hmac(finishedKey, transcript));

  return join(
    plainRecord(record.handshake, serverHello),
    // §D.4: for middleboxes, where the client plays that game.
    asked.sessionId.length === 0 ? new Uint8Array() : plainRecord(record.changeCipherSpec, number(1, 1)),
    sealed(traffic, join(encrypted, certificate, verify, finished)),
  );
}

/** §7.4: the first of our groups that the client sent a share of. */
async function agree(shares: ReadonlyMap<number, Bytes>): Promise<{ group: number; ours: Bytes; shared: Bytes }> {
  for (const { id, algorithm } of groups) {
    const theirs = shares.get(id);
    if (theirs === undefined) continue;
    try {
      const pair = await crypto.subtle.generateKey(algorithm, true, ["deriveBits"]) as CryptoKeyPair;
      const peer = await crypto.subtle.importKey("raw", theirs, algorithm, true, []);
      const shared = await crypto.subtle.deriveBits({ name: algorithm.name, public: peer }, pair.privateKey, 256);
      const ours = await crypto.subtle.exportKey("raw", pair.publicKey);
      return { group: id, ours: new Uint8Array(ours), shared: new Uint8Array(shared) };
    } catch (cause) {
      throw new RangeError("the key share is no public key", { cause });
    }
  }
  throw new RangeError("no key share in common");
}

/** §5.2: one record, the first under this key, whose nonce is therefore the IV itself (§5.3). */
function sealed(traffic: Bytes, plain: Bytes): Bytes {
  const key = expand(traffic, "key", new Uint8Array(), 16);
  const iv = expand(traffic, "iv", new Uint8Array(), 12);
  const inner = join(plain, number(1, record.handshake));
  const header = join(number(1, record.applicationData), number(2, 0x0303), number(2, inner.length + 16));
  const cipher = createCipheriv("aes-128-gcm", key, iv);
  cipher.setAAD(header);
  const body = join(new Uint8Array(cipher.update(inner)), new Uint8Array(cipher.final()));
  return join(header, body, new Uint8Array(cipher.getAuthTag()));
}

function plainRecord(type: number, content: Bytes): Bytes {
  return join(number(1, type), number(2, 0x0303), vector(2, content));
}

function handshake(type: number, body: Bytes): Bytes {
  return join(number(1, type), vector(3, body));
}

/** §7.1 HKDF-Expand-Label; one block is enough, since `length` is at most 32. */
function expand(secret: Bytes, label: string, context: Bytes, length: number): Bytes {
  const info = join(number(2, length), vector(1, encoder.encode(`tls13 ${label}`)), vector(1, context));
  return hmac(secret, join(info, number(1, 1))).subarray(0, length);
}

function hmac(key: Bytes, data: Bytes): Bytes {
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}

function hash(...parts: Bytes[]): Bytes {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return new Uint8Array(sum.digest());
}

function number(octets: number, value: number): Bytes {
  const bytes = new Uint8Array(octets);
  for (let at = octets - 1, rest = value; at >= 0; at--, rest >>>= 8) bytes[at] = rest & 0xff;
  return bytes;
}

/** Contents with their length in front, in so many octets. */
function vector(octets: number, ...contents: Bytes[]): Bytes {
  const body = join(...contents);
  return join(number(octets, body.length), body);
}

function join(...parts: Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
