/**
 * What counts as one address for rate limits.
 * @module
 */

/**
 * The address without its port; of an IPv6 address the first 64 bits, because a
 * household has all addresses below them. An IPv4 address mapped into IPv6 is that IPv4 address.
 * @param remote "192.0.2.1:50412", "[2001:db8::1]:50412", an address alone, or "unix"
 */
export function addressGroup(remote: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(remote)?.[1];
  const address = bracketed ?? (remote.split(":").length === 2 ? remote.slice(0, remote.indexOf(":")) : remote);
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.split("%")[0]!.toLowerCase().split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  const groups = [...first, ...zeros, ...last].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${groups.join(":")}::/64`;
}
