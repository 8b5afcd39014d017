/** From name to name: what CNAME and DNAME lead on to. */
import { maxNameOctets } from "./name.ts";

/** How many links are followed; resolvers give up at 8 to 16 as well. */
export const maxLinks = 16;

/** The name that a DNAME at `owner` makes of `key`, which is below it; null when it gets too long (RFC 6672 §2.2). */
export function redirected(key: string, owner: string, target: string): string | null {
  const next = key.slice(0, key.length - owner.length) + target;
  return next.length > maxNameOctets ? null : next;
}
