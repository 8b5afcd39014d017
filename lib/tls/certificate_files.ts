/**
 * A certificate with its key from two PEM files, followed while the program
 * runs: an issuer replaces the files, connections from then on get the new
 * certificate, those that are open stay as they are.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { type Clock, systemClock } from "@lib/clock/mod.ts";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { certificateNames, dateText, listNames } from "./certificate_text.ts";

/** Where the files are, and who looks after them. */
export interface CertificateFilesOptions {
  /** Path of the certificate chain, leaf first, PEM. */
  cert: string;
  /** Path of the leaf's private key, PEM, unencrypted. */
  key: string;
  log: Logger;
  /** Default: the system's clock. */
  clock?: Clock;
  /** How often the files' times and sizes are looked at, in ms; default 5000; 0 never looks. */
  pollMs?: number;
}

interface Loaded {
  context: SecureContext;
  names: string[];
  notAfter: Date;
  chain: string;
}

/** See the module. Needs read permission on the two files and nothing else. */
export class CertificateFiles {
  /**
   * Reads and checks both files.
   * @throws PlatformError `invalid`, field `tls_cert` or `tls_key`: unreadable, not PEM, key of another certificate, not
   *   valid yet, or expired; the message has the file, the certificate's names and the dates
   */
  static load(options: CertificateFilesOptions): CertificateFiles {
    return new CertificateFiles(options);
  }

  /** Called after each successful change, with this object as it is then. */
  onChange: ((files: CertificateFiles) => void) | null = null;
  readonly #cert: string;
  readonly #key: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  #loaded: Loaded;
  #stamp: string;
  #failure: string | null = null;
  #failed: string | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor({ cert, key, log, clock = systemClock, pollMs = 5000 }: CertificateFilesOptions) {
    this.#cert = cert;
    this.#key = key;
    this.#log = log;
    this.#clock = clock;
    this.#stamp = this.#look();
    this.#loaded = this.#read();
    if (pollMs > 0) this.#timer = setInterval(() => this.#poll(), pollMs);
  }

  /** The names the certificate is valid for, see {@linkcode certificateNames}. */
  get names(): string[] {
    return this.#loaded.names;
  }

  /** When the certificate ends. */
  get notAfter(): Date {
    return this.#loaded.notAfter;
  }

  /** The chain as it was read, PEM, leaf first. */
  get chainPem(): string {
    return this.#loaded.chain;
  }

  /** For a server's TLS sockets: TLS 1.3 only. Ask for it per connection; a reload makes a new one. */
  get context(): SecureContext {
    return this.#loaded.context;
  }

  /** Why the files as they are now can't be used, or null when they are what is served. */
  get failure(): string | null {
    return this.#failure;
  }

  /**
   * Reads the files now, changed or not.
   * @returns true when they are good and now served; false when they are not: the old certificate stays, and an error is logged
   */
  reload(): boolean {
    const stamp = this.#look();
    try {
      this.#accept(this.#read(), stamp);
      return true;
    } catch (error) {
      this.#alarm(stamp, messageOf(error));
      return false;
    }
  }

  /** Stops following the files, which keeps the program running until then; what is loaded stays usable. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #poll(): void {
    const stamp = this.#look();
    if (stamp === this.#stamp) return;
    try {
      this.#accept(this.#read(), stamp);
    } catch (error) {
      // The two files are replaced one after the other: between the two they don't match. Only what is still
      // wrong, and unchanged, at the next look is worth an alarm; that is pollMs to 2 × pollMs after the change.
      if (this.#failed === stamp) {
        if (this.#failure === null) this.#alarm(stamp, messageOf(error));
      } else {
        this.#failed = stamp;
        this.#failure = null;
      }
    }
  }

  #accept(loaded: Loaded, stamp: string): void {
    const changed = loaded.chain !== this.#loaded.chain || this.#failure !== null;
    this.#loaded = loaded;
    this.#stamp = stamp;
    this.#failed = null;
    this.#failure = null;
    if (!changed) return;
    this.#log.info("Certificate loaded", {
      cert: this.#cert,
      names: loaded.names,
      not_after: dateText(loaded.notAfter),
    });
    this.onChange?.(this);
  }

  #alarm(stamp: string, reason: string): void {
    this.#failed = stamp;
    this.#failure = reason;
    this.#log.error("New certificate refused; the old one stays in use", {
      reason,
      cert: this.#cert,
      names: this.#loaded.names,
      not_after: dateText(this.#loaded.notAfter),
    });
  }

  /** Changes when either file does; taken before reading, so that a change in between shows at the next look. */
  #look(): string {
    return [this.#cert, this.#key].map((path) => {
      try {
        const { mtime, size } = Deno.statSync(path);
        return `${mtime?.getTime()}/${size}`;
      } catch {
        return "unreadable";
      }
    }).join(" ");
  }

  #read(): Loaded {
    const chain = readFile(this.#cert, "tls_cert", "certificate");
    const key = readFile(this.#key, "tls_key", "key of the certificate");
    let leaf: X509Certificate;
    try {
      leaf = new X509Certificate(chain);
    } catch (error) {
      throw invalid("tls_cert", `${this.#cert} holds no PEM certificate (${messageOf(error)})`, { cause: error });
    }
    const names = certificateNames(leaf);
    const what = `${this.#cert} (${listNames(names)})`;
    let matches: boolean;
    try {
      matches = leaf.checkPrivateKey(createPrivateKey(key));
    } catch (error) {
      throw invalid("tls_key", `${this.#key} holds no unencrypted PEM private key (${messageOf(error)})`, {
        cause: error,
      });
    }
    if (!matches) throw invalid("tls_key", `${this.#key} is not the key of the certificate in ${what}`);
    const now = this.#clock.now();
    const notBefore = new Date(leaf.validFrom);
    const notAfter = new Date(leaf.validTo);
    if (notAfter.getTime() <= now) {
      throw invalid("tls_cert", `the certificate in ${what} expired at ${dateText(notAfter)}; issue a new one`);
    }
    if (notBefore.getTime() > now) {
      throw invalid(
        "tls_cert",
        `the certificate in ${what} is valid only from ${dateText(notBefore)}; check this machine's clock`,
      );
    }
    return { context: createSecureContext({ cert: chain, key, minVersion: "TLSv1.3" }), names, notAfter, chain };
  }
}

function readFile(path: string, field: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw invalid(field, `cannot read the ${what} from ${path}: ${messageOf(error)}`, { cause: error });
  }
}
