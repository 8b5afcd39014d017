import { messageOf, unavailable } from "@lib/errors/mod.ts";
import { splitLines } from "./lines.ts";

/** What is started: everything after the deno binary, and the whole environment. */
export interface ProcessSpec {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface ExitStatus {
  readonly code: number;
  /** "SIGKILL", …; null when it ended by itself. */
  readonly signal: string | null;
}

/** A process that was started, until it has ended. */
export interface ChildProcess {
  readonly pid: number;
  /** Resolves when it has ended and its output is read; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Does nothing when it has ended. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** Starts programs under the deno binary. */
export interface ProcessDriver {
  /** @param onLines takes what it prints on either stream, whole lines */
  spawn(spec: ProcessSpec, onLines: (lines: string[]) => void): ChildProcess;
}

/**
 * Starts programs with `Deno.Command`. Standard input is a pipe that is held open and never written: the
 * lifeline (lifeline.js).
 */
export class DenoDriver implements ProcessDriver {
  /** @param deno absolute path of the binary; the agent may run nothing else */
  constructor(readonly deno: string) {}

  spawn(spec: ProcessSpec, onLines: (lines: string[]) => void): ChildProcess {
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(this.deno, {
        args: [...spec.args],
        env: { ...spec.env },
        clearEnv: true,
        cwd: spec.cwd,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (cause) {
      throw unavailable(`Cannot start ${this.deno}: ${messageOf(cause)}`, {
        hint: "Check [deno].path in the agent's config",
        cause,
      });
    }
    return {
      pid: child.pid,
      exited: settle(child, onLines),
      signal(name) {
        try {
          child.kill(name);
        } catch {
          // It has ended meanwhile.
        }
      },
    };
  }
}

async function settle(child: Deno.ChildProcess, onLines: (lines: string[]) => void): Promise<ExitStatus> {
  const [status] = await Promise.all([
    child.status,
    splitLines(child.stdout, onLines),
    splitLines(child.stderr, onLines),
  ]);
  await child.stdin.close().catch(() => {});
  return { code: status.code, signal: status.signal };
}
