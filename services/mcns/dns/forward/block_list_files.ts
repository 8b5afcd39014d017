import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { BlockList } from "./block_list.ts";
import { addBlockLines } from "./block_list_file.ts";

/** Lists are taken in in pieces of so many characters: a piece takes some milliseconds, and DNS goes on in between. */
const pieceCharacters = 64 * 1024;

/** A list longer than this is a mistake, octets. */
const maxFileOctets = 256 * 1024 * 1024;

/** Block lists from files, taken in anew when a file changes. */
export class BlockListFiles {
  readonly #paths: readonly string[];
  readonly #log: Logger;
  #list = new BlockList();
  /** Of each file when it was read: time and length. */
  #versions = "";
  #reading: Promise<boolean> | null = null;

  constructor(paths: readonly string[], log: Logger) {
    this.#paths = paths;
    this.#log = log;
  }

  get size(): number {
    return this.#list.size;
  }

  has(key: string): boolean {
    return this.#list.has(key);
  }

  /**
   * Reads the files when one has changed since. True when there is a new list. A file that can't be read is logged and
   * the list stays as it was: a download that failed must not open the gate.
   */
  refresh(): Promise<boolean> {
    return this.#reading ??= this.#refresh().finally(() => this.#reading = null);
  }

  async #refresh(): Promise<boolean> {
    let path = "";
    try {
      const versions: string[] = [];
      for (path of this.#paths) {
        const { mtime, size } = await Deno.stat(path);
        if (size > maxFileOctets) throw new Error(`${size} octets are more than a block list has`);
        versions.push(`${mtime?.getTime()} ${size}`);
      }
      const version = versions.join();
      if (version === this.#versions) return false;
      // Also when reading fails: it is tried again when a file changes, not every time.
      this.#versions = version;
      const list = new BlockList();
      for (path of this.#paths) await this.#read(list, path);
      this.#list = list;
      return true;
    } catch (error) {
      this.#log.warn("cannot read a block list: names are blocked as before", { path, error: messageOf(error) });
      return false;
    }
  }

  async #read(list: BlockList, path: string): Promise<void> {
    using file = await Deno.open(path);
    const before = list.size;
    let strange = 0, rest = "";
    for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
      rest += text;
      if (rest.length < pieceCharacters) continue;
      const end = rest.lastIndexOf("\n") + 1;
      strange += addBlockLines(list, rest.slice(0, end));
      rest = rest.slice(end);
    }
    strange += addBlockLines(list, rest);
    this.#log.info("block list read", { path, names: list.size - before, linesPassedOver: strange });
  }
}
