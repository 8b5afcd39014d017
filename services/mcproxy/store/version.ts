/**
 * Versions of what is stored: who has read one can make a change depend on nobody having changed it since.
 * @module
 */
import { createHash } from "node:crypto";
import { conflict, quote } from "@lib/errors/mod.ts";

/** Expected where there must be none yet. */
const none = "none";

/**
 * The version of settings: equal ones have the same, so that what was changed and changed back is what was read.
 * @param settings what JSON can hold, its keys in one order
 */
export function versionOf(settings: unknown): string {
  // 64 bits: nobody gains by two settings of one version but the admin who makes them.
  return createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16);
}

/**
 * @param what as operators call it: 'route "https example.org"'
 * @param expected "" for whatever is there
 * @param now the version that is there; null for none
 * @param next the version that is put: a put of what is there, as a repeated one is, changes nothing
 * @throws PlatformError `conflict`
 */
export function checkPut(what: string, expected: string, now: string | null, next: string): void {
  if (expected === "" || now === next || (now ?? none) === expected) return;
  if (expected === none) {
    throw conflict(`Cannot add ${what}: there is one already`, { hint: "Change that one, or choose another name" });
  }
  throw isAnother(`Cannot change ${what}`, expected, now);
}

/** As `checkPut`; what is gone may be deleted. */
export function checkDelete(what: string, expected: string, now: string | null): void {
  if (expected !== "" && now !== null && now !== expected) throw isAnother(`Cannot delete ${what}`, expected, now);
}

function isAnother(action: string, expected: string, now: string | null) {
  const state = now === null ? "it was deleted meanwhile" : `somebody else has changed it to version ${quote(now)}`;
  return conflict(`${action}: expected version ${quote(expected)}, and ${state}`, {
    hint: "Read it again, look what is different, and make your change there",
  });
}
