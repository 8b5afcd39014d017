import { conflict } from "@lib/errors/mod.ts";

/** The range that host ports are picked from. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * A port that is not in `taken` and that `isFree` says nothing listens on, tried from a random start
 * so that a port just given back is seldom reused at once.
 * @param random 0 ≤ n < 1
 * @throws PlatformError conflict when the whole range is taken
 */
export function pickPort(
  range: PortRange,
  taken: ReadonlySet<number>,
  isFree: (port: number) => boolean,
  random: number,
): number {
  const size = range.last - range.first + 1;
  const start = Math.floor(random * size);
  for (let step = 0; step < size; step++) {
    const port = range.first + (start + step) % size;
    if (!taken.has(port) && isFree(port)) return port;
  }
  throw conflict(`Cannot pick a port: all of ${range.first} to ${range.last} are in use`, {
    hint: "Undeploy a service, or widen [ports] in the agent's config",
  });
}

/**
 * The variables that tell a program its ports: `PORT_<NAME>` for each route, and `PORT` too where there is
 * only one.
 */
export function portVariables(ports: Readonly<Record<string, number>>): Record<string, string> {
  const entries = Object.entries(ports);
  const variables = Object.fromEntries(
    entries.map(([name, port]) => [`PORT_${name.toUpperCase().replaceAll("-", "_")}`, String(port)]),
  );
  const [only] = entries;
  return entries.length === 1 ? { PORT: String(only![1]), ...variables } : variables;
}
