/**
 * The certificates of L7 routes: loaded from the one folder that the proxy may
 * read, looked at every few seconds, and swapped when their files change.
 * Connections that are open keep what they began with.
 * @module
 */
import type { SecureContext } from "node:tls";
import type { Clock } from "@lib/clock/mod.ts";
import { denied, invalid, messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { CertificateFiles, listNames } from "@lib/tls/mod.ts";
import { nameCovers } from "../domain/hostname.ts";

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

interface Entry {
  cert: string;
  key: string;
  hostname: string;
  files: CertificateFiles | null;
  error: string;
  /** What the files looked like when they were last read. */
  stamp: string;
  /** A look that differed from `stamp` but could not be read yet. */
  pending: string;
}

/** See the module. */
export class CertificateFolder {
  readonly #entries = new Map<string, Entry>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param dir absolute path
   * @param pollMs how often the files' times, sizes and inodes are looked at; 0 never
   */
  constructor(readonly dir: string, readonly clock: Clock, readonly log: Logger, pollMs: number) {
    if (pollMs > 0) this.#timer = setInterval(() => this.#poll(), pollMs);
  }

  /**
   * Reads the pair and serves it from now on for `hostname`.
   * @param cert absolute path below the folder, as `certificatePath` made it
   * @throws PlatformError `invalid` on tls_cert or tls_key: unreadable, a symbolic link, not PEM, not a pair, expired,
   *   not yet valid, or for other names; what was served for the name before stays
   */
  use(hostname: string, cert: string, key: string): void {
    const stamp = this.#look(cert, key);
    const files = this.#load(hostname, cert, key);
    this.#entries.set(entryKey(hostname, cert, key), { hostname, cert, key, files, error: "", stamp, pending: "" });
  }

  /** As `use`, for routes that are there already: a failure is kept and reported, and the files are tried again. */
  tryUse(hostname: string, cert: string, key: string): void {
    if (this.#entries.has(entryKey(hostname, cert, key))) return;
    const entry: Entry = { hostname, cert, key, files: null, error: "", stamp: "", pending: "" };
    this.#entries.set(entryKey(hostname, cert, key), entry);
    this.#reload(entry);
  }

  /** What is served for the name with this pair. */
  find(hostname: string, cert: string, key: string): ServedCertificate {
    const entry = this.#entries.get(entryKey(hostname, cert, key));
    return {
      names: entry?.files?.names ?? [],
      notAfter: entry?.files?.notAfter ?? null,
      context: entry?.files?.context ?? null,
      error: entry === undefined ? "not loaded" : entry.error,
    };
  }

  /** The context alone: asked for every connection. */
  context(hostname: string, cert: string, key: string): SecureContext | null {
    return this.#entries.get(entryKey(hostname, cert, key))?.files?.context ?? null;
  }

  /** Reads all files again, changed or not. */
  reload(): void {
    for (const entry of this.#entries.values()) this.#reload(entry);
  }

  /** Forgets pairs that no route uses. */
  retain(used: Iterable<{ hostname: string; cert: string; key: string }>): void {
    const keys = new Set<string>();
    for (const { hostname, cert, key } of used) keys.add(entryKey(hostname, cert, key));
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #poll(): void {
    for (const entry of this.#entries.values()) {
      const stamp = this.#look(entry.cert, entry.key);
      if (stamp === entry.stamp) continue;
      // The two files are replaced one after the other. What doesn't fit together at the first look after a change
      // is given until the next one; only what has then settled is worth an alarm.
      const settled = stamp === entry.pending;
      entry.pending = stamp;
      try {
        this.#accept(entry, this.#load(entry.hostname, entry.cert, entry.key), stamp);
      } catch (error) {
        if (settled) this.#alarm(entry, error, stamp);
      }
    }
  }

  #reload(entry: Entry): void {
    const stamp = this.#look(entry.cert, entry.key);
    try {
      this.#accept(entry, this.#load(entry.hostname, entry.cert, entry.key), stamp);
    } catch (error) {
      this.#alarm(entry, error, stamp);
    }
  }

  #accept(entry: Entry, files: CertificateFiles, stamp: string): void {
    const changed = entry.files === null || entry.files.chainPem !== files.chainPem;
    entry.files = files;
    entry.stamp = stamp;
    entry.error = "";
    if (!changed) return;
    this.log.info("Certificate loaded", {
      hostname: entry.hostname,
      cert: entry.cert,
      not_after: files.notAfter.toISOString(),
    });
  }

  #alarm(entry: Entry, error: unknown, stamp: string): void {
    entry.stamp = stamp;
    entry.error = messageOf(error);
    this.log.error(
      entry.files === null
        ? "Certificate can't be served; its route is closed"
        : "New certificate refused; the old one stays in use",
      { hostname: entry.hostname, reason: entry.error },
    );
  }

  #load(hostname: string, cert: string, key: string): CertificateFiles {
    this.#refuseLinks(cert, "tls_cert");
    this.#refuseLinks(key, "tls_key");
    const files = CertificateFiles.load({ cert, key, log: this.log, clock: this.clock, pollMs: 0 });
    if (hostname !== "*" && !files.names.some((name) => nameCovers(name, hostname))) {
      throw invalid("tls_cert", `the certificate in ${cert} is for ${listNames(files.names)}, not for "${hostname}"`, {
        hint: "Issue a certificate that names the route's host",
      });
    }
    return files;
  }

  /** A link would be followed out of the folder, past the sandbox: no part of the path below it may be one. */
  #refuseLinks(path: string, field: string): void {
    const root = this.dir.endsWith("/") ? this.dir.slice(0, -1) : this.dir;
    let at = root;
    for (const part of path.slice(root.length + 1).split("/")) {
      at += `/${part}`;
      let link: boolean;
      try {
        link = Deno.lstatSync(at).isSymlink;
      } catch (error) {
        throw invalid(field, `cannot read ${path}: ${messageOf(error)}`, { cause: error });
      }
      if (link) throw denied("no symbolic links", `${field}: ${at} is a symbolic link; put the file itself there`);
    }
  }

  #look(cert: string, key: string): string {
    return [cert, key].map((path) => {
      try {
        const { mtime, size, ino } = Deno.lstatSync(path);
        return `${mtime?.getTime()}/${size}/${ino}`;
      } catch {
        return "unreadable";
      }
    }).join(" ");
  }
}

function entryKey(hostname: string, cert: string, key: string): string {
  return `${hostname}\0${cert}\0${key}`;
}
