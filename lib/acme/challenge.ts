/**
 * Challenges: how a server checks that names are ours (RFC 8555 §8, RFC 8737, RFC 8738).
 * @module
 */
import { conflict, quote } from "@lib/errors/mod.ts";
import { canonicalIp } from "@lib/pki/mod.ts";
import { challengeCertificate } from "./challenge_certificate.ts";

export type ChallengeType = "http-01" | "tls-alpn-01" | "dns-01";

interface AnyChallenge {
  /** The DNS name (for a wildcard the name below it, without `*.`) or IP address that is to be proven. */
  readonly name: string;
  /** base64url: safe as a file name and in a path. */
  readonly token: string;
  /** `<token>.<thumbprint of the account key>`. */
  readonly keyAuthorization: string;
}

/** The server asks `http://<name>/.well-known/acme-challenge/<token>` on port 80 for the key authorization. */
export interface HttpChallenge extends AnyChallenge {
  readonly type: "http-01";
}

/** The server connects to port 443 with ALPN `acme-tls/1` and nothing else. */
export interface TlsAlpnChallenge extends AnyChallenge {
  readonly type: "tls-alpn-01";
  /** What it will send as SNI: the name, or for an address its reverse name (RFC 8738 §6). */
  readonly serverName: string;
  /** What to show: a self-signed certificate and its key, PEM. */
  readonly certPem: string;
  readonly keyPem: string;
}

/** The server looks TXT records up. */
export interface DnsChallenge extends AnyChallenge {
  readonly type: "dns-01";
  /** `_acme-challenge.<name>`, without a trailing dot. */
  readonly recordName: string;
  /** One value among those at the name; others may be there for other orders. */
  readonly recordValue: string;
}

export type Challenge = HttpChallenge | TlsAlpnChallenge | DnsChallenge;

/** Puts the answers of challenges where the server looks. */
export interface ChallengeSolver {
  /** What it can do, best first. A wildcard takes dns-01 only. */
  readonly types: readonly ChallengeType[];
  /** Resolves when the answer can be seen from outside. */
  present(challenge: Challenge): Promise<void>;
  /** Takes it away; called once after each `present`, failed ones too. */
  clear(challenge: Challenge): Promise<void>;
}

/** What a server offers of one authorization. */
export interface OfferedChallenge {
  readonly type: string;
  readonly token: unknown;
}

/** RFC 8555 §8.1: at least 128 bits in base64url; the upper bound keeps it a file name. */
const tokenForm = /^[\w-]{16,200}$/;

/**
 * @param thumbprint of the account key
 * @throws PlatformError `conflict` for a token that isn't one
 */
export async function makeChallenge(
  type: ChallengeType,
  name: string,
  token: unknown,
  thumbprint: string,
): Promise<Challenge> {
  if (typeof token !== "string" || !tokenForm.test(token)) {
    throw conflict(`The ACME server sent a malformed token for ${quote(name)}: ${quote(token)}`);
  }
  const keyAuthorization = `${token}.${thumbprint}`;
  const all = { name, token, keyAuthorization };
  switch (type) {
    case "http-01":
      return { type, ...all };
    case "dns-01":
      return {
        type,
        ...all,
        recordName: `_acme-challenge.${name}`,
        recordValue: (await sha256(keyAuthorization)).toBase64({ alphabet: "base64url", omitPadding: true }),
      };
    case "tls-alpn-01": {
      const made = await challengeCertificate(name, await sha256(keyAuthorization));
      return { type, ...all, serverName: challengeServerName(name), ...made };
    }
  }
}

/** RFC 8738 §6: an address goes by its name below in-addr.arpa or ip6.arpa (RFC 1034, RFC 3596). */
export function challengeServerName(name: string): string {
  const address = canonicalIp(name);
  if (address === null) return name;
  if (!address.includes(":")) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  const [head = "", tail] = address.split("::");
  const words = (part: string) => part === "" ? [] : part.split(":");
  const [front, back] = [words(head), words(tail ?? "")];
  const zeros = Array<string>(8 - front.length - back.length).fill("0");
  const digits = [...front, ...zeros, ...back].map((word) => word.padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}

async function sha256(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
