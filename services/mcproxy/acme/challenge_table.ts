/**
 * The challenges that are open now, and their answers. In memory, and in a folder: several processes of the proxy may
 * listen on one address, and a CA's connection may come to one that didn't order.
 * @module
 */
import { join } from "node:path";
import {
  acmeTlsProtocol,
  type Challenge,
  type ChallengeSolver,
  type ChallengeType,
  type TlsAlpnChallenge,
} from "@lib/acme/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";

/** What a CA's TLS connection is shown. */
export type ChallengeCertificate = Pick<TlsAlpnChallenge, "certPem" | "keyPem">;

/** What of a challenge is kept. */
type Kept = { name: string; keyAuthorization: string } | ChallengeCertificate;

/** A name or token as a file name: nothing that leads out of the folder. */
const safe = /^[a-z0-9_-][a-z0-9._-]{0,199}$/i;
/** What a process that was killed left; no order takes that long, ms. */
const staleMs = 3_600_000;

/** See the module. */
export class ChallengeTable implements ChallengeSolver {
  readonly types: readonly ChallengeType[];
  readonly #dir: string;
  readonly #open = new Map<string, Kept>();

  /**
   * @param type the one kind that is answered
   * @param dir absolute; made when it isn't there
   */
  constructor(type: "http-01" | "tls-alpn-01", dir: string, clock: Clock) {
    this.types = [type];
    this.#dir = dir;
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const { name } of Deno.readDirSync(dir)) {
      const path = join(dir, name);
      try {
        if (clock.now() - (Deno.lstatSync(path).mtime?.getTime() ?? 0) > staleMs) Deno.removeSync(path);
      } catch {
        // The other process has just taken it away, or it is nothing of ours: it harms nobody.
      }
    }
  }

  present(challenge: Challenge): Promise<void> {
    const key = keyOf(challenge);
    const kept: Kept = challenge.type === "tls-alpn-01"
      ? { certPem: challenge.certPem, keyPem: challenge.keyPem }
      : { name: challenge.name, keyAuthorization: challenge.keyAuthorization };
    this.#open.set(key, kept);
    // Renamed into place: the other process reads all of it or nothing.
    if (!safe.test(key)) return Promise.resolve();
    const path = join(this.#dir, key);
    Deno.writeTextFileSync(`${path}.new`, JSON.stringify(kept), { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
    return Promise.resolve();
  }

  clear(challenge: Challenge): Promise<void> {
    const key = keyOf(challenge);
    this.#open.delete(key);
    try {
      if (safe.test(key)) Deno.removeSync(join(this.#dir, key));
    } catch {
      // It never came to be.
    }
    return Promise.resolve();
  }

  /** The key authorization of an http-01 challenge; null when none with that token is open for that name. */
  httpAnswer(token: string, hostname: string): string | null {
    const kept = this.#find(`http-${token}`);
    return kept !== null && "name" in kept && kept.name === hostname ? kept.keyAuthorization : null;
  }

  /**
   * What to show a client that asks with ALPN "acme-tls/1" and nothing else (RFC 8737 §4); null when it asks for
   * something else, or no challenge is open for the name.
   * @param hello of the client
   */
  tlsAnswer({ serverName, alpn }: { serverName: string | null; alpn: readonly string[] }): ChallengeCertificate | null {
    if (serverName === null || !asksForChallenge(alpn)) return null;
    const kept = this.#find(`tls-${serverName}`);
    return kept !== null && "certPem" in kept ? kept : null;
  }

  #find(key: string): Kept | null {
    const found = this.#open.get(key);
    if (found !== undefined) return found;
    if (!safe.test(key)) return null;
    try {
      return JSON.parse(Deno.readTextFileSync(join(this.#dir, key)));
    } catch {
      return null;
    }
  }
}

/** Whether a ClientHello is a CA's: ALPN is exactly "acme-tls/1". */
export function asksForChallenge(alpn: readonly string[]): boolean {
  return alpn.length === 1 && alpn[0] === acmeTlsProtocol;
}

function keyOf(challenge: Challenge): string {
  return challenge.type === "tls-alpn-01" ? `tls-${challenge.serverName}` : `http-${challenge.token}`;
}
