/** How a rule ends: kept, or broken at these places, or not looked at enough to tell. */
import assert from "node:assert/strict";

/** A place that breaks a rule. */
export interface Breach {
  file: string;
  line: number;
  /** What is there, in the file's own words. */
  found: string;
}

/**
 * Throws when a rule is broken, naming every place as file:line and what to do; and when it looked at
 * fewer things than `atLeast`: then the rule has lost sight of what it is about, and mends nothing.
 */
export function assertKept(
  { looked, atLeast, breaches, todo }: { looked: number; atLeast: number; breaches: readonly Breach[]; todo: string },
): void {
  if (breaches.length > 0) {
    const places = breaches.map(({ file, line, found }) => `  ${file}:${line}: ${found}`);
    assert.fail(`${todo}\n${places.join("\n")}`);
  }
  assert.ok(
    looked >= atLeast,
    `the rule looked at ${looked} things and expects at least ${atLeast}: it no longer sees what it is about; ` +
      "mend what it looks for",
  );
}
