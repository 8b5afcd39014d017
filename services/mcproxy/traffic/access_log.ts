/**
 * Lines of the access log on their way to the disk: gathered, written beside everything else, numbered by size.
 *
 * No request waits for it or fails by it. What the disk doesn't take is kept, up to a bound, and tried again; beyond the
 * bound lines are lost and counted.
 * @module
 */
import { join } from "node:path";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type AccessEntry, type AccessFormat, accessLine } from "./access_line.ts";

export interface AccessLogOptions {
  /** Folder of `access.log`, `access.log.1`, …; made when it isn't there. */
  dir: string;
  format: AccessFormat;
  queries: boolean;
  /** The file is closed and numbered at this size. */
  maxBytes: number;
  /** Closed files kept. */
  keep: number;
  log: Logger;
}

/** A line waits no longer than this for others, ms. */
const flushMs = 250;
/** Between attempts while the disk takes nothing, ms. */
const retryMs = 1000;
/** So much is written without waiting for `flushMs`, characters: about 200 lines. */
const promptLength = 64 * 1024;
/** So much waits for a disk that is slow or full, characters: about 30,000 lines. */
const maxWaiting = 8 * 1024 * 1024;
/** Operators and their log readers, by group; nobody else. */
const mode = 0o640;

/** See the module. */
export class AccessLog implements AsyncDisposable {
  /** Lines taken. */
  lines = 0;
  /** Lines that found no room. */
  lost = 0;
  readonly #options: AccessLogOptions;
  readonly #path: string;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #waitingLength = 0;
  /** Given to the disk, and not taken whole. */
  #rest: Uint8Array = new Uint8Array();
  #file: Deno.FsFile | null = null;
  #failure = "";
  #lostBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#path = join(options.dir, "access.log");
  }

  /** Why lines aren't written, for the health; "" when they are. */
  get problem(): string {
    return this.#failure === "" ? "" : `access log: ${this.#failure}; ${this.lost} lines lost`;
  }

  /** Takes a line. Returns at once, and never throws. */
  write(entry: AccessEntry): void {
    if (this.#closed || this.#waitingLength + this.#rest.length >= maxWaiting) {
      this.lost++;
      return;
    }
    const line = accessLine(entry, this.#options);
    this.lines++;
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (this.#writing !== null) return;
    if (this.#waitingLength >= promptLength && this.#failure === "") void this.flush();
    else this.#flushSoon();
  }

  /** Writes what waits; settles when the disk has it, or has refused. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await (this.#writing ??= this.#writeAll().finally(() => this.#writing = null));
    if (this.#hasMore && !this.#closed) this.#flushSoon();
  }

  /** Writes what waits, if the disk takes it, and takes no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.flush();
    // What came while an earlier write was under way.
    if (this.#hasMore && this.#failure === "") await this.flush();
    this.#close();
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => void this.flush(), this.#failure === "" ? flushMs : retryMs);
  }

  get #hasMore(): boolean {
    return this.#waiting.length > 0 || this.#rest.length > 0;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#hasMore) {
        const file = await this.#ready();
        if (this.#rest.length === 0) {
          this.#rest = this.#encoder.encode(this.#waiting.join(""));
          this.#waiting = [];
          this.#waitingLength = 0;
        }
        while (this.#rest.length > 0) this.#rest = this.#rest.subarray(await file.write(this.#rest));
      }
      this.#succeeded();
    } catch (error) {
      this.#failed(messageOf(error));
    }
  }

  /** The file to write to: opened anew when somebody else has moved it, numbered and opened anew when it is full. */
  async #ready(): Promise<Deno.FsFile> {
    const { dir, maxBytes } = this.#options;
    const at = await this.#look();
    if (this.#file !== null) {
      const { ino, dev } = await this.#file.stat();
      if (at === null || at.ino !== ino || at.dev !== dev) this.#close();
      else if (at.size >= maxBytes) {
        this.#close();
        await this.#number();
      }
    } else if (at !== null && at.size >= maxBytes) await this.#number();
    if (this.#file !== null) return this.#file;
    await Deno.mkdir(dir, { recursive: true, mode: 0o750 });
    return this.#file = await Deno.open(this.#path, { append: true, create: true, mode });
  }

  async #look(): Promise<Deno.FileInfo | null> {
    try {
      return await Deno.stat(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** `access.log` becomes `access.log.1`, that `access.log.2`, and the last goes. */
  async #number(): Promise<void> {
    const { keep } = this.#options;
    const numbered = (number: number) => number === 0 ? this.#path : `${this.#path}.${number}`;
    if (keep === 0) return await Deno.remove(this.#path);
    for (let number = keep - 1; number >= 0; number--) {
      try {
        await Deno.rename(numbered(number), numbered(number + 1));
      } catch (error) {
        // Not so many yet; or a second process, at a restart without a gap, was quicker.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  #succeeded(): void {
    if (this.#failure === "") return;
    this.#failure = "";
    this.#options.log.info("Access log is written again", { lost: this.lost - this.#lostBefore });
  }

  #failed(reason: string): void {
    this.#close();
    if (this.#failure === "") {
      this.#lostBefore = this.lost;
      this.#options.log.warn("Access log can't be written; it is tried again every second", {
        path: this.#path,
        reason,
      });
    }
    this.#failure = reason;
  }

  #close(): void {
    try {
      this.#file?.close();
    } catch {
      // Closed by the error that led here.
    }
    this.#file = null;
  }
}
