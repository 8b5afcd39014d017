/**
 * The CA files of names that ask clients for certificates, followed while the proxy runs. A change holds for the next
 * handshake, and for the next request of open connections.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { ClientAuthority } from "./client_authority.ts";
import { type FileSource, type Followed, FollowedFiles } from "./followed_files.ts";

/** See the module. */
export class ClientAuthorityFolder {
  readonly #files: FollowedFiles<ClientAuthority>;

  /**
   * @param dir absolute path, that of the certificates
   * @param pollMs how often the files are looked at; 0 never
   */
  constructor(dir: string, readonly clock: Clock, readonly log: Logger, pollMs: number) {
    this.#files = new FollowedFiles(dir, pollMs);
  }

  /**
   * @param file absolute path below the folder, as `certificatePath` made it
   * @throws PlatformError `invalid` on client_ca; what was in use before stays
   */
  use(file: string): void {
    this.#files.use(file, this.#source(file));
  }

  /** As `use`, for routes that are there already: a failure is kept and reported, and the file is tried again. */
  tryUse(file: string): void {
    this.#files.tryUse(file, this.#source(file));
  }

  find(file: string): Followed<ClientAuthority> {
    return this.#files.find(file) ?? { value: null, error: "not loaded" };
  }

  /** Reads all files again, changed or not. */
  reload(): void {
    this.#files.reload();
  }

  /** Forgets files that no route names. */
  retain(files: ReadonlySet<string>): void {
    this.#files.retain(files);
  }

  close(): void {
    this.#files.close();
  }

  #source(file: string): FileSource<ClientAuthority> {
    return {
      files: [{ path: file, field: "client_ca" }],
      load: (current) => ClientAuthority.read(file, this.clock.now(), current),
      loaded: (authority, before) => {
        if (before?.pem === authority.pem) return;
        this.log.info("Client CA loaded", { file, not_after: authority.notAfter.toISOString() });
      },
      refused: (reason, before) =>
        this.log.error(
          before === null
            ? "Client CA can't be used; nobody's certificate is taken"
            : "New client CA refused; the old one stays in use",
          { file, reason },
        ),
    };
  }
}
