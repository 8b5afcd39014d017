import { dirname } from "node:path";

export interface AnalyseOptions {
  /** Absolute path of the runtime's binary. */
  readonly deno: string;
  /** The runtime's cache that the program will be started with (DENO_DIR). */
  readonly cacheDir: string;
}

/**
 * Has the runtime parse an unpacked bundle into its cache, in a process that ends. A program that starts without
 * finds its own imports by parsing itself, and keeps the syntax tree for as long as it runs: some 25 MiB for 1.5 MB of
 * JavaScript. Runs nothing of the bundle and fetches nothing. Takes about 0.25 s, which the start is faster by.
 * Never throws: without it the program runs as well, with more memory.
 * @param entry absolute path of its JavaScript file
 * @returns whether the cache has it now
 */
export async function analyse(options: AnalyseOptions, entry: string): Promise<boolean> {
  const { deno, cacheDir } = options;
  try {
    const { success } = await new Deno.Command(deno, {
      args: ["cache", "--quiet", "--no-config", "--no-lock", "--no-npm", "--no-remote", entry],
      clearEnv: true,
      env: { DENO_DIR: cacheDir, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      cwd: dirname(entry),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    // What is wrong with the bundle its start says better.
    return false;
  }
}
