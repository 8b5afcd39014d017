/**
 * A file that a process has locked for as long as it lives. The kernel gives the lock back when the process has ended,
 * however it ends: who can't look at other processes still learns that nothing of this one is left.
 * @module
 */
import { dirname } from "node:path";
import { conflict } from "@lib/errors/mod.ts";

/** How soon an ended process is noticed, ms; a look is one system call. */
const lookEveryMs = 50;

/** The locked files of this process: a closed one, as a collected one may be, would be locked no more. */
const held: Deno.FsFile[] = [];

/**
 * Locks the file, which is made where there is none, until this process ends.
 * @param what who holds it, for the error: "an agent"
 * @param patienceMs how long another process may still take to end
 * @throws PlatformError `conflict` when another one lives on
 */
export async function holdUntilExit(path: string, what: string, patienceMs = 10_000): Promise<void> {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  if (await locked(file, patienceMs)) {
    held.push(file);
    return;
  }
  file.close();
  throw conflict(`Cannot start: ${what} runs already, with ${path} locked`, { hint: "Stop that one first." });
}

/** Whether every process that held the file has ended, waiting for it; true where there is no such file. */
export async function untilReleased(path: string, timeoutMs: number): Promise<boolean> {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
  try {
    return await locked(file, timeoutMs);
  } finally {
    file.close();
  }
}

/** Not by `lock()`, whose wait has no end and can't be given up. */
async function locked(file: Deno.FsFile, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!file.tryLockSync(true)) {
    if (performance.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return true;
}
