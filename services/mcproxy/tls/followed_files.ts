/**
 * What is made of files in the one folder that the proxy may read: looked at every few seconds, made anew when they
 * change, and kept as it is when the new ones are no good.
 * @module
 */
import { denied, invalid, messageOf } from "@lib/errors/mod.ts";

/** Something and the files it is made of. */
export interface FileSource<Value> {
  /** Absolute, below the folder; each with the field of a route that names it. */
  readonly files: readonly { readonly path: string; readonly field: string }[];
  /**
   * @param current what is in use; null for nothing
   * @throws PlatformError with the reason why the files can't be used
   */
  load(current: Value | null): Value;
  /** Told of what is in use from now on. @param before null for the first */
  loaded(value: Value, before: Value | null): void;
  /** Told that the files can't be used. @param before what stays in use; null for nothing */
  refused(reason: string, before: Value | null): void;
}

/** As it is now. */
export interface Followed<Value> {
  /** Null when it could not be loaded yet. */
  readonly value: Value | null;
  /** Why the files as they are can't be used; "" when they are. */
  readonly error: string;
}

interface Entry<Value> extends Followed<Value> {
  source: FileSource<Value>;
  value: Value | null;
  error: string;
  /** What the files looked like when they were last read. */
  stamp: string;
  /** A look that differed from `stamp` but could not be read yet. */
  pending: string;
}

/** See the module. By keys of the caller's. */
export class FollowedFiles<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param dir absolute path
   * @param pollMs how often the files' times, sizes and inodes are looked at; 0 never
   */
  constructor(readonly dir: string, pollMs: number) {
    if (pollMs > 0) this.#timer = setInterval(() => this.#poll(), pollMs);
  }

  /**
   * Loads it and has it in use from now on.
   * @throws PlatformError of `load`, or for a file that can't be read or is a symbolic link; what was there before stays
   */
  use(key: string, source: FileSource<Value>): void {
    const stamp = this.#look(source);
    const value = this.#load(source, this.#entries.get(key)?.value ?? null);
    this.#entries.set(key, { source, value, error: "", stamp, pending: "" });
  }

  /** As `use` when it isn't there yet: a failure is kept and reported, and the files are tried again. */
  tryUse(key: string, source: FileSource<Value>): void {
    if (this.#entries.has(key)) return;
    const entry: Entry<Value> = { source, value: null, error: "", stamp: "", pending: "" };
    this.#entries.set(key, entry);
    this.#reload(entry);
  }

  find(key: string): Followed<Value> | undefined {
    return this.#entries.get(key);
  }

  /** Reads all files again, changed or not. */
  reload(): void {
    for (const entry of this.#entries.values()) this.#reload(entry);
  }

  /** Forgets all others. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #poll(): void {
    for (const entry of this.#entries.values()) {
      const stamp = this.#look(entry.source);
      if (stamp === entry.stamp) continue;
      // Several files are replaced one after the other. What doesn't fit together at the first look after a change is
      // given until the next one; only what has then settled is worth an alarm.
      const settled = stamp === entry.pending;
      entry.pending = stamp;
      try {
        this.#accept(entry, this.#load(entry.source, entry.value), stamp);
      } catch (error) {
        if (settled) this.#alarm(entry, error, stamp);
      }
    }
  }

  #reload(entry: Entry<Value>): void {
    const stamp = this.#look(entry.source);
    try {
      this.#accept(entry, this.#load(entry.source, entry.value), stamp);
    } catch (error) {
      this.#alarm(entry, error, stamp);
    }
  }

  #accept(entry: Entry<Value>, value: Value, stamp: string): void {
    const before = entry.value;
    entry.value = value;
    entry.stamp = stamp;
    entry.error = "";
    entry.source.loaded(value, before);
  }

  #alarm(entry: Entry<Value>, error: unknown, stamp: string): void {
    entry.stamp = stamp;
    entry.error = messageOf(error);
    entry.source.refused(entry.error, entry.value);
  }

  #load(source: FileSource<Value>, current: Value | null): Value {
    for (const { path, field } of source.files) this.#refuseLinks(path, field);
    return source.load(current);
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

  #look({ files }: FileSource<Value>): string {
    return files.map(({ path }) => {
      try {
        const { mtime, size, ino } = Deno.lstatSync(path);
        return `${mtime?.getTime()}/${size}/${ino}`;
      } catch {
        return "unreadable";
      }
    }).join(" ");
  }
}
