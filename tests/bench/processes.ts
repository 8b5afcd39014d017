/**
 * Memory of processes as the kernel counts it.
 * @module
 */

/** MiB. */
export interface Memory {
  /** Pages in memory, shared ones whole: those of the runtime's binary count again in every process. */
  rss: number;
  /** Shared pages by the share that is this process's, so that the sum over all is what they really take. */
  pss: number;
  /** Pages that no other process has. */
  own: number;
}

/** @throws Deno.errors.NotFound when the process has ended */
export function memoryOf(pid: number): Memory {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)![1]) / 1024;
  return { rss: mib("Rss"), pss: mib("Pss"), own: mib("Private_Clean") + mib("Private_Dirty") };
}

export function sumOf(all: readonly Memory[]): Memory {
  const sum = (part: keyof Memory) => all.reduce((total, memory) => total + memory[part], 0);
  return { rss: sum("rss"), pss: sum("pss"), own: sum("own") };
}

/**
 * What processes of one binary take from the machine: what each has for itself and once what they share. Unlike the
 * sum of PSS it is the same when strangers run the same binary.
 */
export function takenBy(all: readonly Memory[]): number {
  return sumOf(all).own + Math.max(...all.map(({ rss, own }) => rss - own));
}

/** What the machine is, for who compares numbers. */
export function machine(): string {
  const model = /^model name\s*:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  return `${navigator.hardwareConcurrency} cores (${model}), ${memory} GiB, Linux ${Deno.osRelease()}`;
}
