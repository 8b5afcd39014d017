/**
 * The folder of certificates that were got by ACME: a pair of files for each name, and the account's key.
 * @module
 */
import { join } from "node:path";
import { messageOf } from "@lib/errors/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { exportKeyPem, generateKey, importKeyPem } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";

/** A file's name has at most 255 bytes, of which ".pem.new" takes 8; a host name has up to 253. */
const maxStem = 200;

/** See the module. Its path is below the data folder, so that no other program of the platform reads it. */
export class PairFolder {
  readonly #lock: Deno.FsFile;
  #locked = false;

  constructor(readonly dir: string) {
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#lock = Deno.openSync(join(dir, "lock"), { create: true, write: true, mode: 0o600 });
  }

  /**
   * Whether this process is the one that orders: at most one at a time is, and the next one when it ends, however it
   * ends (the lock is the kernel's).
   */
  leads(): boolean {
    return this.#locked ||= this.#lock.tryLockSync(true);
  }

  close(): void {
    this.#lock.close();
  }

  /** The account's key, made at the first call ever. Only for the process that leads. */
  async accountKey(): Promise<CryptoKeyPair> {
    const path = join(this.dir, "account.key");
    let pem: string;
    try {
      pem = Deno.readTextFileSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      pem = await exportKeyPem(await generateKey("P-256"));
      writeWhole(`${path}.new`, pem);
      Deno.renameSync(`${path}.new`, path);
    }
    return await importKeyPem(pem, { extractable: false });
  }

  /** Changes when the pair does; "" when there is none. */
  stamp(hostname: string): string {
    const [cert] = this.#paths(hostname);
    try {
      const { mtime, size, ino } = Deno.lstatSync(cert);
      return `${mtime?.getTime()}/${size}/${ino}`;
    } catch {
      return "";
    }
  }

  /**
   * Puts both files in the place of the old ones. Each is on the disk before either is in place; what a crash between
   * the two renames leaves is mended by the next `load`.
   */
  write(hostname: string, chainPem: string, keyPem: string): void {
    const [cert, key] = this.#paths(hostname);
    writeWhole(`${key}.new`, keyPem);
    writeWhole(`${cert}.new`, chainPem);
    Deno.renameSync(`${key}.new`, key);
    Deno.renameSync(`${cert}.new`, cert);
  }

  /** The pair, when there is one that can be served now; why it can't be is logged. */
  load(hostname: string, clock: Clock, log: Logger): CertificateFiles | null {
    const [cert, key] = this.#paths(hostname);
    if (this.stamp(hostname) === "") return null;
    const load = () => CertificateFiles.load({ cert, key, log, clock, pollMs: 0 });
    try {
      return load();
    } catch (error) {
      if (this.#mend(cert)) {
        try {
          return load();
        } catch {
          // The first reason is the one to tell.
        }
      }
      log.warn("The stored ACME certificate can't be served", { hostname, reason: messageOf(error) });
      return null;
    }
  }

  /** The second rename of a `write` that was cut off. */
  #mend(cert: string): boolean {
    try {
      if (!this.leads()) return false;
      Deno.renameSync(`${cert}.new`, cert);
      return true;
    } catch {
      return false;
    }
  }

  #paths(hostname: string): [cert: string, key: string] {
    const stem = hostname.length <= maxStem ? hostname : `${hostname.slice(0, 100)}~${digest(hostname)}`;
    return [join(this.dir, `${stem}.pem`), join(this.dir, `${stem}.key`)];
  }
}

/** FNV-1a, 64 bits, hex: tells long names apart whose beginnings agree. */
function digest(text: string): string {
  let sum = 0xcbf29ce484222325n;
  for (const character of text) sum = BigInt.asUintN(64, (sum ^ BigInt(character.codePointAt(0)!)) * 0x100000001b3n);
  return sum.toString(16).padStart(16, "0");
}

/** Mode 0600 from the start, and on the disk when it returns. */
function writeWhole(path: string, text: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // There is none: the usual case.
  }
  using file = Deno.openSync(path, { createNew: true, write: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
}
