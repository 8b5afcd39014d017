/** Which grant includes which other: what a wider one makes superfluous, and whether a check is within a grant. */
import { isIPv4 } from "node:net";
import { isIgnored } from "./environment.ts";
import type { Grant } from "./grant.ts";

/** Whether everything that `narrow` allows is allowed by `wide` too. A thing asked for is the grant of just that thing. */
export function covers(wide: Pick<Grant, "kind" | "value">, narrow: { kind: string; value: string }): boolean {
  if (wide.kind !== narrow.kind) return false;
  if (wide.value === narrow.value) return true;
  switch (wide.kind) {
    case "net":
      return coversAddress(wide.value, narrow.value);
    case "read":
    case "write":
      return narrow.value.startsWith(wide.value.replace(/\/*$/, "/"));
    case "env":
      return wide.value.endsWith("*") && narrow.value.startsWith(wide.value.slice(0, -1));
    case "run":
      return false;
  }
}

/**
 * Leaves out what another grant includes. Its reason goes on at that one, with the value that it was for: a folder's grant
 * says which of its files were declared too.
 */
export function withoutCovered(grants: readonly Grant[]): Grant[] {
  // A pattern does not give back what is ignored: such a name keeps a grant of its own.
  const covered = (grant: Grant, by: Grant) =>
    by !== grant && covers(by, grant) && !(grant.kind === "env" && isIgnored(grant.value));
  const kept = grants.filter((grant) => !grants.some((other) => covered(grant, other))).map((grant) => ({ ...grant }));
  for (const grant of grants) {
    const wide = kept.find((one) => one.value !== grant.value && covered(grant, one));
    if (wide) wide.reason += `; ${grant.reason} (${grant.value})`;
  }
  return kept;
}

/** A host without a port has all of its ports, a network all ports of all of its hosts. Names are never looked up. */
function coversAddress(wide: string, narrow: string): boolean {
  if (wide.startsWith("unix:") || narrow.startsWith("unix:")) return false;
  const [host, port] = splitPort(narrow);
  const [network, bits] = wide.split("/");
  if (bits === undefined) return port !== null && wide === host;
  if (!isIPv4(host) || !isIPv4(network!)) return false;
  // 2 ** (32 - bits) addresses; a shift by 32 would be one by 0.
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(host) / size) === Math.floor(numberOf(network!) / size);
}

function splitPort(address: string): [host: string, port: string | null] {
  const found = /^(.*):(\d+)$/.exec(address);
  return found === null || address.endsWith("]") ? [address, null] : [found[1]!, found[2]!];
}

function numberOf(ipv4: string): number {
  return ipv4.split(".").reduce((number, byte) => number * 256 + Number(byte), 0);
}
