/** How often upstreams are looked after, ms: less than the shortest back-off would be no use. */
const tickMs = 1000;

/** How often it is looked whether a block list has changed, in ticks: they are fetched once a day. */
const blockListTicks = 60;

/** At a hot restart the process before us writes its cache when it ends, after we began: it is looked for so long, in ticks. */
const predecessorTicks = 120;

/** The forwarder, as far as it is looked after. */
export interface Tended {
  tend(): Promise<void>;
  refreshBlocking(): Promise<void>;
  saveTo(path: string): Promise<void>;
  loadFrom(path: string): Promise<number>;
}

/** What a forwarder does without being asked. */
export class Upkeep {
  readonly #forwarder: Tended;
  readonly #cacheFile: string;
  readonly #timer: ReturnType<typeof setInterval>;
  /** All that is under way: one thing after the other. */
  #work: Promise<void>;
  #ticks = 0;
  /** Of the cache file when it was read last. */
  #version = "";

  constructor(forwarder: Tended, cacheFile: string) {
    this.#forwarder = forwarder;
    this.#cacheFile = cacheFile;
    this.#work = this.#load().then(() => forwarder.refreshBlocking());
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Writes the cache, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
    if (this.#cacheFile !== "") await this.#forwarder.saveTo(this.#cacheFile);
  }

  #tick(): void {
    const ticks = ++this.#ticks;
    // Not waited for: a probe takes as long as an upstream's time-out, and another waits for none.
    void this.#forwarder.tend();
    if (ticks % blockListTicks === 0) this.#work = this.#work.then(() => this.#forwarder.refreshBlocking());
    if (ticks <= predecessorTicks) this.#work = this.#work.then(() => this.#load());
  }

  async #load(): Promise<void> {
    if (this.#cacheFile === "") return;
    const version = await Deno.stat(this.#cacheFile).then(({ mtime, size }) => `${mtime?.getTime()} ${size}`, () => "");
    if (version === this.#version) return;
    this.#version = version;
    await this.#forwarder.loadFrom(this.#cacheFile);
  }
}
