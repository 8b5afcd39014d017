/**
 * What a Connection field names (RFC 9110 §7.6.1), in lower case.
 * @module
 */
import { noNames } from "../relay/message.ts";

const keepAlive: ReadonlySet<string> = new Set(["keep-alive"]);
const close: ReadonlySet<string> = new Set(["close"]);

/** Those of `value` and the ones before; nearly every field says one of two words. */
export function connectionNames(value: string, before: ReadonlySet<string> = noNames): ReadonlySet<string> {
  const lower = value.toLowerCase();
  if (before.size === 0) {
    if (lower === "keep-alive") return keepAlive;
    if (lower === "close") return close;
  }
  const names = new Set(before);
  for (const name of lower.split(",")) names.add(name.trim());
  return names;
}
