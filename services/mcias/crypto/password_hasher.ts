/**
 * Password hashes by Argon2id (RFC 9106), computed natively on another thread.
 * A hash carries its parameters, in the PHC string format:
 * `$argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>`.
 *
 * Each computation takes its memory (64 MiB) for some 0.2 s, so few run at once
 * and the rest wait in order; beyond a bounded queue the answer is "later", so
 * that a flood of logins can't take the machine's memory.
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { rateLimited } from "@lib/errors/mod.ts";
import { normalPassword } from "../domain/password_rule.ts";

/** What one computation costs. */
export interface Argon2idCost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export interface HasherOptions {
  /** Of new hashes; stored ones that are cheaper get raised at their next login. */
  readonly cost: Argon2idCost;
  /** Computations at once. */
  readonly concurrent: number;
  /** Computations that may wait for their turn. */
  readonly waiting: number;
}

interface ParsedHash {
  readonly cost: Argon2idCost;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array<ArrayBuffer>;
}

const saltBytes = 16; // RFC 9106 §3.1: 16 bytes is recommended for password hashing
const hashBytes = 32;

/** Hashes and verifies passwords; see the module's text. */
export class PasswordHasher {
  readonly #options: HasherOptions;
  readonly #queue: (() => void)[] = [];
  /** For accounts that don't exist or have no password: costs the same, matches nothing. */
  readonly #dummy: ParsedHash;
  #running = 0;
  #runs = 0;

  constructor(options: HasherOptions) {
    this.#options = options;
    this.#dummy = { cost: options.cost, salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) };
  }

  /** Argon2id computations since the start. */
  get runs(): number {
    return this.#runs;
  }

  /** @throws PlatformError rate_limited when too many are waiting */
  async hash(password: string): Promise<string> {
    const { cost } = this.#options;
    const salt = randomBytes(saltBytes);
    return formatHash({ cost, salt, hash: await this.#compute(password, salt, cost) });
  }

  /**
   * Whether the password is the one that was hashed. With null for the hash it
   * does the same work and answers false. Always exactly one computation.
   * @throws PlatformError rate_limited when too many are waiting
   */
  async verify(password: string, stored: string | null): Promise<boolean> {
    const { cost, salt, hash } = stored === null ? this.#dummy : parseHash(stored);
    const computed = await this.#compute(password, salt, cost);
    return timingSafeEqual(computed, hash) && stored !== null;
  }

  /** Whether the hash is cheaper in any respect than new ones are. */
  isOutdated(stored: string): boolean {
    const { cost } = parseHash(stored);
    const wanted = this.#options.cost;
    return cost.memoryKib < wanted.memoryKib || cost.passes < wanted.passes || cost.lanes < wanted.lanes;
  }

  async #compute(
    password: string,
    salt: Uint8Array<ArrayBuffer>,
    cost: Argon2idCost,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#running >= this.#options.concurrent) {
      if (this.#queue.length >= this.#options.waiting) {
        throw rateLimited("Too many passwords are being checked at this moment", 1);
      }
      // Whoever finishes hands its place on, so #running stays as it is.
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else {
      this.#running++;
    }
    this.#runs++;
    try {
      return await argon2id(normalPassword(password), salt, cost);
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** 32 bytes from a password, without any limit on how many run at once. */
export async function argon2id(
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  cost: Argon2idCost,
): Promise<Uint8Array<ArrayBuffer>> {
  const secret = new TextEncoder().encode(password);
  // The format "raw-secret" and the parameters are of the WICG draft on modern algorithms, which TypeScript's library lacks.
  const key = await crypto.subtle.importKey("raw-secret" as "raw", secret, "Argon2id", false, ["deriveBits"]);
  const parameters = {
    name: "Argon2id",
    nonce: salt,
    memory: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.lanes,
  };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, hashBytes * 8));
}

function formatHash({ cost, salt, hash }: ParsedHash): string {
  const encode = (bytes: Uint8Array) => bytes.toBase64({ omitPadding: true });
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$${encode(salt)}$${encode(hash)}`;
}

function parseHash(text: string): ParsedHash {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text);
  if (match === null) throw new Error("a stored password hash is not in the argon2id PHC format");
  const [, memory, passes, lanes, salt = "", hash = ""] = match;
  return {
    cost: { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) },
    salt: Uint8Array.fromBase64(salt),
    hash: Uint8Array.fromBase64(hash),
  };
}

function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(count));
}
