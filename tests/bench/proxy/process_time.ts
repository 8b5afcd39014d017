/**
 * What processes have used of the processor, by /proc.
 * @module
 */

/** The process and all that came from it. */
export function treeOf(pid: number): number[] {
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...children.split(" ").filter((text) => text !== "").map(Number).flatMap(treeOf)];
}

/** Clock ticks in user and system of all its threads. */
export function usedTicks(pid: number): number {
  // The name, in parentheses, may hold spaces.
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
