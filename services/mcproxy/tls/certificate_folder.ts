/**
 * The certificates of L7 routes, followed while the proxy runs. Connections that are open keep what they began with.
 * @module
 */
import type { SecureContext } from "node:tls";
import type { Clock } from "@lib/clock/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { CertificateFiles, listNames } from "@lib/tls/mod.ts";
import { nameCovers } from "../domain/hostname.ts";
import { type FileSource, FollowedFiles } from "./followed_files.ts";

/** A certificate as it is served now. */
export interface ServedCertificate {
  readonly names: readonly string[];
  readonly notAfter: Date | null;
  /** Null when it could not be loaded yet. */
  readonly context: SecureContext | null;
  /** Why the files as they are can't be served; "" when they are. */
  readonly error: string;
  /** When it is renewed, where the proxy does that itself. */
  readonly renewAt?: Date | null;
}

/** See the module. */
export class CertificateFolder {
  readonly #files: FollowedFiles<CertificateFiles>;

  /**
   * @param dir absolute path
   * @param pollMs how often the files are looked at; 0 never
   */
  constructor(dir: string, readonly clock: Clock, readonly log: Logger, pollMs: number) {
    this.#files = new FollowedFiles(dir, pollMs);
  }

  /**
   * Reads the pair and serves it from now on for `hostname`.
   * @param cert absolute path below the folder, as `certificatePath` made it
   * @throws PlatformError `invalid` on tls_cert or tls_key: unreadable, a symbolic link, not PEM, not a pair, expired,
   *   not yet valid, or for other names; what was served for the name before stays
   */
  use(hostname: string, cert: string, key: string): void {
    this.#files.use(entryKey(hostname, cert, key), this.#source(hostname, cert, key));
  }

  /** As `use`, for routes that are there already: a failure is kept and reported, and the files are tried again. */
  tryUse(hostname: string, cert: string, key: string): void {
    this.#files.tryUse(entryKey(hostname, cert, key), this.#source(hostname, cert, key));
  }

  /** What is served for the name with this pair. */
  find(hostname: string, cert: string, key: string): ServedCertificate {
    const { value, error } = this.#files.find(entryKey(hostname, cert, key)) ?? { value: null, error: "not loaded" };
    return {
      names: value?.names ?? [],
      notAfter: value?.notAfter ?? null,
      context: value?.context ?? null,
      error,
    };
  }

  /** The context alone: asked for every connection. */
  context(hostname: string, cert: string, key: string): SecureContext | null {
    return this.#files.find(entryKey(hostname, cert, key))?.value?.context ?? null;
  }

  /** Reads all files again, changed or not. */
  reload(): void {
    this.#files.reload();
  }

  /** Forgets pairs that no route uses. */
  retain(used: Iterable<{ hostname: string; cert: string; key: string }>): void {
    const keys = new Set<string>();
    for (const { hostname, cert, key } of used) keys.add(entryKey(hostname, cert, key));
    this.#files.retain(keys);
  }

  close(): void {
    this.#files.close();
  }

  #source(hostname: string, cert: string, key: string): FileSource<CertificateFiles> {
    return {
      files: [{ path: cert, field: "tls_cert" }, { path: key, field: "tls_key" }],
      load: () => this.#load(hostname, cert, key),
      loaded: (files, before) => {
        if (before?.chainPem === files.chainPem) return;
        this.log.info("Certificate loaded", { hostname, cert, not_after: files.notAfter.toISOString() });
      },
      refused: (reason, before) =>
        this.log.error(
          before === null
            ? "Certificate can't be served; its route is closed"
            : "New certificate refused; the old one stays in use",
          { hostname, reason },
        ),
    };
  }

  #load(hostname: string, cert: string, key: string): CertificateFiles {
    const files = CertificateFiles.load({ cert, key, log: this.log, clock: this.clock, pollMs: 0 });
    if (hostname !== "*" && !files.names.some((name) => nameCovers(name, hostname))) {
      throw invalid("tls_cert", `the certificate in ${cert} is for ${listNames(files.names)}, not for "${hostname}"`, {
        hint: "Issue a certificate that names the route's host",
      });
    }
    return files;
  }
}

function entryKey(hostname: string, cert: string, key: string): string {
  return `${hostname}\0${cert}\0${key}`;
}
