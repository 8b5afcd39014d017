/**
 * The country database on the disk: looked at every few seconds, read anew when it has changed. The only file of the
 * firewall that touches the outside.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { IpAddress } from "../domain/ip_address.ts";
import { unknownCountry } from "../domain/country_code.ts";
import { type CountryDatabase, CountryReader } from "./country_reader.ts";
import type { MmdbMetadata } from "./mmdb_reader.ts";

export interface CountryFileOptions {
  /** Absolute. */
  path: string;
  /** How often the file's time, size and inode are looked at, ms; 0 never. */
  pollMs: number;
  /** Larger files are refused, bytes: the file is kept in memory. */
  maxBytes: number;
  log: Logger;
}

/** See the module. Starts without a database when the file can't be read: the alarm says so, and it is tried again. */
export class CountryFile implements CountryDatabase {
  readonly #options: CountryFileOptions;
  #reader: CountryReader | null = null;
  #alarm = "";
  /** What the file looked like when it was last judged. */
  #stamp = "";
  /** A look at which it couldn't be read, which may have been in the middle of a copy. */
  #pending = "";
  #timer: ReturnType<typeof setInterval> | undefined;
  #loading: Promise<void> | null = null;

  private constructor(options: CountryFileOptions) {
    this.#options = options;
  }

  static async open(options: CountryFileOptions): Promise<CountryFile> {
    const file = new CountryFile(options);
    await file.reload();
    if (options.pollMs > 0) file.#timer = setInterval(() => void file.poll(), options.pollMs);
    return file;
  }

  get ready(): boolean {
    return this.#reader !== null;
  }

  country(address: IpAddress): string {
    return this.#reader?.country(address) ?? unknownCountry;
  }

  /** Why the file as it is can't be used, for the health; "" when it is. */
  get alarm(): string {
    return this.#alarm;
  }

  /** About what is in use; null when nothing is. */
  get metadata(): MmdbMetadata | null {
    return this.#reader?.metadata ?? null;
  }

  /** Reads the file, changed or not; a bad one raises the alarm at once. */
  async reload(): Promise<void> {
    await this.#loading;
    await (this.#loading = this.#load(this.#look(), true));
    this.#loading = null;
  }

  /** One look at the file, and reading when it has changed. What can't be read gets one more look before the alarm. */
  async poll(): Promise<void> {
    if (this.#loading !== null) return;
    const stamp = this.#look();
    if (stamp === this.#stamp) return;
    await (this.#loading = this.#load(stamp, stamp === this.#pending));
    this.#loading = null;
  }

  /** Waits for a read that is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#loading;
  }

  async #load(stamp: string, settled: boolean): Promise<void> {
    const { path, log } = this.#options;
    this.#pending = stamp;
    try {
      const reader = await this.#read();
      // Written to while it was read: what was read may be half of the one and half of the other.
      if (this.#look() !== stamp) throw new Error("it changed while it was read");
      this.#reader = reader;
      this.#stamp = stamp;
      this.#alarm = "";
      const { databaseType, buildEpoch } = reader.metadata;
      log.info("Country database loaded", {
        path,
        type: databaseType,
        built: new Date(buildEpoch * 1000).toISOString(),
      });
    } catch (error) {
      if (!settled) return;
      this.#stamp = stamp;
      this.#alarm = `country database ${path}: ${messageOf(error)}; ${
        this.#reader === null ? "rules with countries match nothing" : "the one before stays in use"
      }`;
      log.error("Country database refused", { reason: this.#alarm });
    }
  }

  async #read(): Promise<CountryReader> {
    const { path, maxBytes } = this.#options;
    const { isFile, isSymlink, size } = Deno.lstatSync(path);
    // The sandbox lets the proxy read this one file; a link would lead to another.
    if (isSymlink) throw new Error("it is a symbolic link; put the file itself there");
    if (!isFile) throw new Error("it is no file");
    if (size > maxBytes) throw new Error(`it has ${size} bytes, at most ${maxBytes} are read`);
    return await CountryReader.open(await Deno.readFile(path), () => new Promise((resolve) => setTimeout(resolve)));
  }

  #look(): string {
    try {
      const { mtime, size, ino } = Deno.lstatSync(this.#options.path);
      return `${mtime?.getTime()}/${size}/${ino}`;
    } catch {
      return "unreadable";
    }
  }
}
