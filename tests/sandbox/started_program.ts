/** A program in its sandbox, its output, and its end. */
export class StartedProgram implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #done: Promise<Deno.CommandStatus>;
  readonly #waiting = new Set<() => void>();
  #ended = false;
  output = "";

  /** @param env all of its environment */
  constructor(args: readonly string[], env: Record<string, string>, cwd: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      env,
      clearEnv: true,
      cwd,
      // Held open: the lifeline ends a program when it closes.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#done = this.#settle();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when this many lines match. @throws when it ends before, or after `timeoutMs` */
  async until(pattern: RegExp, timeoutMs = 10_000, count = 1): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs);
    timeout.addEventListener("abort", () => this.#wake());
    while (this.output.split("\n").filter((line) => pattern.test(line)).length < count) {
      if (this.#ended) throw new Error(`it ended before it said ${pattern}:\n${this.output}`);
      if (timeout.aborted) throw new Error(`it did not say ${pattern} within ${timeoutMs} ms:\n${this.output}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Resolves when a loopback port takes connections. @throws as `until` */
  async listening(port: number, timeoutMs = 10_000): Promise<void> {
    for (const since = performance.now(); performance.now() - since < timeoutMs;) {
      if (this.#ended) throw new Error(`it ended before it listened on ${port}:\n${this.output}`);
      try {
        return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`it did not listen on ${port} within ${timeoutMs} ms:\n${this.output}`);
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. @returns the exit code */
  async stop(timeoutMs = 8000): Promise<number> {
    this.#signal("SIGTERM");
    const kill = setTimeout(() => this.#signal("SIGKILL"), timeoutMs);
    const { code } = await this.#done;
    clearTimeout(kill);
    return code;
  }

  async status(): Promise<number> {
    return (await this.#done).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #signal(name: "SIGTERM" | "SIGKILL"): void {
    if (!this.#ended) this.#child.kill(name);
  }

  async #settle(): Promise<Deno.CommandStatus> {
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        this.output += text;
        this.#wake();
      }
    };
    const status = this.#child.status.then((ended) => {
      this.#ended = true;
      return ended;
    });
    await Promise.all([status, read(this.#child.stdout), read(this.#child.stderr)]);
    await this.#child.stdin.close().catch(() => {});
    this.#wake();
    return await status;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
