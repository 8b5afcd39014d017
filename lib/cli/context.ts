import type { StricliProcess } from "@stricli/core";
import { processEnvironment } from "@lib/config/mod.ts";

/** What commands get beside their arguments: the outside, so that a test can stand in for it. */
export interface CliContext {
  readonly process: StricliProcess;
  /** Writes a result to standard output. */
  readonly print: (text: string) => void;
  /** Undefined for variables that aren't set or may not be read. */
  readonly environment: (name: string) => string | undefined;
  /** Whether progress is watched. */
  readonly watched: boolean;
  /** Size of the terminal that results go to; null when they go elsewhere. */
  readonly screen: () => { columns: number; rows: number } | null;
  /** Whether what is printed is read on: false once a pipe's other end is closed. */
  readonly isRead: () => boolean;
  readonly askPassword: (question: string) => Promise<string>;
}

/** The real outside. */
export function processContext(askPassword: CliContext["askPassword"]): CliContext {
  let read = true;
  const writer = (to: { writeSync(bytes: Uint8Array): number }) => (text: string) => {
    if (!read) return;
    const bytes = new TextEncoder().encode(text);
    try {
      for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
    } catch (error) {
      // `mcp logs … | head`: the reader has what it wanted.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      read = false;
    }
  };
  const print = writer(Deno.stdout);
  return {
    process: {
      stdout: { write: print },
      stderr: { write: writer(Deno.stderr) },
      env: { STRICLI_NO_COLOR: "1" },
    },
    print,
    environment: (name) => {
      try {
        return processEnvironment(name);
      } catch (error) {
        if (error instanceof Deno.errors.NotCapable) return undefined;
        throw error;
      }
    },
    watched: Deno.stderr.isTerminal(),
    screen: () => Deno.stdout.isTerminal() ? Deno.consoleSize() : null,
    isRead: () => read,
    askPassword,
  };
}
