/** What a program asked the runtime for, by the runtime's own log of permission checks. */
import { covers, type Grant, isIgnored } from "@lib/sandbox/mod.ts";

export interface Ask {
  kind: string;
  value: string;
}

/** Reads the file that DENO_AUDIT_PERMISSIONS named: a JSON object per line and check; each ask once. */
export function readAudit(file: string): Ask[] {
  const asks = new Map<string, Ask>();
  for (const line of Deno.readTextFileSync(file).split("\n").filter((one) => one !== "")) {
    const { permission, value = "" } = JSON.parse(line) as { permission: string; value?: string };
    // `fetch` asks by URL.
    const asked = permission === "net" && /^https?:\/\//.test(value) ? addressOf(new URL(value)) : value;
    asks.set(`${permission} ${asked}`, { kind: permission, value: asked });
  }
  return [...asks.values()];
}

function addressOf({ protocol, hostname, port }: URL): string {
  return `${hostname}:${port === "" ? protocol === "https:" ? 443 : 80 : port}`;
}

/** Asks that no grant allows. Ignored variables read as unset and are no refusal. */
export function notGranted(asks: readonly Ask[], grants: readonly Grant[]): string[] {
  return asks.filter((ask) => !grants.some((grant) => covers(grant, ask)))
    .filter(({ kind, value }) => kind !== "env" || !isIgnored(value))
    .map(({ kind, value }) => `${kind} ${value}`);
}

/** Grants that nothing was asked of. Starting programs is not in the runtime's log. */
export function unused(asks: readonly Ask[], grants: readonly Grant[]): string[] {
  return grants.filter((grant) => grant.kind !== "run" && !asks.some((ask) => covers(grant, ask))).map(nameOf);
}

export function nameOf({ kind, value }: Ask): string {
  return `${kind} ${value}`;
}
