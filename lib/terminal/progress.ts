import { paint } from "./paint.ts";

/** Shows the steps of long work on stderr: a line a finished step; on a terminal also the running one. */
export interface Progress {
  /** A step has begun. */
  start(step: string): void;
  /** The running step is done. @param note what came out of it */
  done(note?: string): void;
  /** The running step failed. */
  fail(note: string): void;
}

/** @param quiet prints nothing (with `--json`, or when nobody watches) */
export function progress(quiet = false): Progress {
  const terminal = Deno.stderr.isTerminal();
  const colour = paint(Deno.stderr);
  const write = (text: string) => {
    if (!quiet) Deno.stderr.writeSync(new TextEncoder().encode(text));
  };
  let running = "";
  let since = 0;
  const end = (mark: string, note: string) => {
    const took = ((performance.now() - since) / 1000).toFixed(1);
    write(
      `${terminal ? "\r\x1b[K" : ""}${mark} ${running}${note === "" ? "" : `: ${note}`} ${
        colour(`(${took} s)`, "dim")
      }\n`,
    );
    running = "";
  };
  return {
    start(step) {
      running = step;
      since = performance.now();
      if (terminal) write(`  ${step} …`);
    },
    done: (note = "") => end(colour("✓", "green"), note),
    fail: (note) => end(colour("✗", "red"), note),
  };
}
