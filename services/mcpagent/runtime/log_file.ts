import { type Clock, rfc3339 } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

/** One line that a program printed. */
export interface LogEntry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly line: string;
}

export interface LogFileOptions {
  /** The newest file; older ones are beside it: `<path>.1` … `<path>.4`. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Rotates beyond it; default 10 MiB. */
  readonly maxBytes?: number;
  /** Files in all, the newest included; default 5. */
  readonly files?: number;
}

/**
 * The output of one component: lines with their time, in a file that is rotated.
 * When the disk refuses a write the lines are lost and that is logged once; the program is not held up.
 */
export class LogFile implements Disposable {
  readonly path: string;
  readonly #options: Required<LogFileOptions>;
  readonly #followers = new Set<(entries: LogEntry[]) => void>();
  #file: Deno.FsFile | null = null;
  #size = 0;
  #broken = false;

  constructor(options: LogFileOptions) {
    this.path = options.path;
    this.#options = { maxBytes: 10 * 1024 * 1024, files: 5, ...options };
  }

  append(lines: readonly string[]): void {
    const at = this.#options.clock.now();
    const prefix = rfc3339(at);
    const bytes = new TextEncoder().encode(lines.map((line) => `${prefix} ${line}\n`).join(""));
    try {
      this.#write(bytes);
      this.#broken = false;
    } catch (error) {
      if (!this.#broken) this.#options.log.error("log lines lost", { path: this.path, error: messageOf(error) });
      this.#broken = true;
    }
    const entries = lines.map((line) => ({ at, line }));
    for (const follower of this.#followers) follower(entries);
  }

  /** Calls `take` with what is appended from now on; the result ends that. */
  follow(take: (entries: LogEntry[]) => void): () => void {
    this.#followers.add(take);
    return () => this.#followers.delete(take);
  }

  /** The last `count` lines, oldest first, from rotated files too. */
  tail(count: number): LogEntry[] {
    const found: string[] = [];
    for (let i = 0; i < this.#options.files && found.length < count; i++) {
      found.unshift(...lastLines(this.#numbered(i), count - found.length));
    }
    return found.map(parseEntry);
  }

  /** Closes the file and deletes it with the rotated ones. */
  remove(): void {
    this[Symbol.dispose]();
    for (let i = 0; i < this.#options.files; i++) removeIfThere(this.#numbered(i));
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = null;
  }

  #write(bytes: Uint8Array): void {
    if (this.#file === null) {
      this.#file = Deno.openSync(this.path, { append: true, create: true, mode: 0o600 });
      this.#size = this.#file.statSync().size;
    }
    if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) {
      this.#rotate();
      return this.#write(bytes);
    }
    for (let written = 0; written < bytes.length;) written += this.#file.writeSync(bytes.subarray(written));
    this.#size += bytes.length;
  }

  #rotate(): void {
    this[Symbol.dispose]();
    const { files } = this.#options;
    removeIfThere(this.#numbered(files - 1));
    for (let i = files - 2; i >= 0; i--) {
      try {
        Deno.renameSync(this.#numbered(i), this.#numbered(i + 1));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  #numbered(i: number): string {
    return i === 0 ? this.path : `${this.path}.${i}`;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The last `count` lines of a file, read from its end in blocks; none when it isn't there. */
function lastLines(path: string, count: number): string[] {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  using _ = file;
  const blockBytes = 64 * 1024;
  let position = file.statSync().size;
  let tail = new Uint8Array(0);
  // One line end more than lines: the first line found may be cut.
  while (position > 0 && lineEnds(tail) <= count) {
    const from = Math.max(0, position - blockBytes);
    const block = new Uint8Array(position - from + tail.length);
    file.seekSync(from, Deno.SeekMode.Start);
    for (let read = 0; read < position - from;) {
      const more = file.readSync(block.subarray(read, position - from));
      if (more === null) break;
      read += more;
    }
    block.set(tail, position - from);
    tail = block;
    position = from;
  }
  const lines = new TextDecoder().decode(tail).split("\n");
  lines.pop();
  return lines.slice(-count);
}

function lineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 10) count++;
  return count;
}

function parseEntry(text: string): LogEntry {
  const at = Date.parse(text.slice(0, 24));
  return Number.isNaN(at) ? { at: 0, line: text } : { at, line: text.slice(25) };
}
