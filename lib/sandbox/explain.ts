import { baseFlags, type Sandbox } from "./derive.ts";

/** Every flag, one a row, with its reason: what `mcp sandbox` and `mcp status --sandbox` show. */
export function explain(sandbox: Sandbox): { flag: string; reason: string }[] {
  return [
    ...baseFlags(sandbox.declaration),
    ...sandbox.grants.map(({ kind, value, reason }) => ({ flag: `--allow-${kind}=${value}`, reason })),
  ];
}
