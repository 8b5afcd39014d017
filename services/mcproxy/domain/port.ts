/** The port of "host:port" or "[v6]:port", as addresses that are bound have it. */
export function parsePort(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
