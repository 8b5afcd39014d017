import assert from "node:assert/strict";
import {
  delegatedKeys,
  isRolling,
  type KeyLife,
  type KeyRole,
  type KeyState,
  mayHaveDs,
  plannedSteps,
  recordSigner,
  type SigningPhase,
  waitsForDs,
} from "./key_rollover.ts";
import { defaultSigningPolicy } from "./signing_policy.ts";

const day = 86_400_000;
const policy = { ...defaultSigningPolicy, zskLifetimeSeconds: 90 * 86_400 };

/** "csk 1 retired until=5 replaced": tag and id are the number. */
function keys(text: string): KeyLife[] {
  return text.split(", ").map((one) => {
    const [role, id, state, ...more] = one.split(" ");
    const until = more.find((word) => word.startsWith("until="))?.slice(6);
    return {
      id: Number(id),
      tag: Number(id),
      role: role as KeyRole,
      state: state as KeyState,
      stateSince: 0,
      activeAt: state === "active" ? 0 : null,
      until: until === undefined ? null : Number(until),
      isReplaced: more.includes("replaced"),
      isCompromised: false,
    };
  });
}

Deno.test("plannedSteps says what time alone will bring, earliest first", () => {
  const rows: [phase: SigningPhase, keys: string, steps: string[]][] = [
    ["building", "csk 1 published", []],
    ["signed", "csk 1 published until=5", ["5 give out the DS of CSK 1"]],
    ["signed", "csk 1 ready", []],
    ["signed", "csk 1 active", []],
    ["signed", "csk 1 active, csk 2 published until=7", ["7 give out the DS of CSK 2"]],
    ["signed", "csk 1 retired until=9, csk 2 active", []],
    ["signed", "csk 1 retired until=9 replaced, csk 2 active", ["9 remove CSK 1"]],
    ["signed", "ksk 1 active, zsk 2 active", [`${90 * day} begin to replace ZSK 2`]],
    ["signed", "ksk 1 active, zsk 2 active, zsk 3 published until=4", ["4 sign with ZSK 3"]],
    ["signed", "ksk 1 active, zsk 2 retired, zsk 3 active", []],
    ["signed", "ksk 1 retired until=8 replaced, ksk 4 active, zsk 2 active, zsk 3 published until=4", [
      "4 sign with ZSK 3",
      "8 remove KSK 1",
    ]],
    ["leaving", "csk 1 active", []],
    ["left", "csk 1 active", ["6 remove the signatures"]],
    ["removing", "csk 1 active", []],
  ];
  for (const [phase, text, want] of rows) {
    const steps = plannedSteps({ phase, phaseUntil: 6, policy }, keys(text));
    assert.deepEqual(steps.map(({ at, text }) => `${at} ${text}`), want, `${phase}: ${text}`);
  }
  const kskSteps = plannedSteps(
    { phase: "signed", phaseUntil: null, policy: { ...policy, kskLifetimeSeconds: 1000 } },
    keys("csk 1 active"),
  );
  assert.deepEqual(kskSteps.map(({ at, step }) => [at, step]), [[1_000_000, { kind: "create", role: "csk" }]]);
});

Deno.test("recordSigner is the one active key, or the first of a new zone", () => {
  const rows: [string, number | undefined][] = [
    ["csk 1 published", 1],
    ["csk 1 active, csk 2 published", 1],
    ["csk 1 active, csk 2 ready", 1],
    ["csk 1 retired, csk 2 active", 2],
    ["ksk 1 active, zsk 2 active, zsk 3 published", 2],
    ["ksk 1 active", undefined],
  ];
  for (const [text, want] of rows) assert.equal(recordSigner(keys(text))?.id, want, text);
});

Deno.test("delegatedKeys, waitsForDs and mayHaveDs tell what the parent is to have and may have", () => {
  const rows: [SigningPhase, string, delegated: number[], waits: boolean, may: boolean][] = [
    ["building", "csk 1 published", [], false, false],
    // Too early: caches may have unsigned records.
    ["signed", "csk 1 published until=5", [], false, false],
    ["signed", "csk 1 ready", [1], true, true],
    ["signed", "csk 1 active", [1], false, true],
    ["signed", "csk 1 active, csk 2 published", [1], false, true],
    ["signed", "csk 1 active, csk 2 ready", [2], true, true],
    ["signed", "csk 1 retired, csk 2 active", [2], false, true],
    ["signed", "ksk 1 active, zsk 2 active", [1], false, true],
    ["leaving", "csk 1 active", [], true, true],
    ["left", "csk 1 active", [], false, true],
    ["removing", "csk 1 active", [], false, false],
  ];
  for (const [phase, text, delegated, waits, may] of rows) {
    const all = keys(text), what = `${phase}: ${text}`;
    assert.deepEqual(delegatedKeys(phase, all).map(({ id }) => id), delegated, what);
    assert.equal(waitsForDs(phase, all), waits, what);
    assert.equal(mayHaveDs(phase, all), may, what);
  }
});

Deno.test("isRolling is true from a new key until the old one has gone", () => {
  const rows: [string, KeyRole, boolean][] = [
    ["csk 1 active", "csk", false],
    ["csk 1 ready", "csk", true],
    ["csk 1 active, csk 2 published", "csk", true],
    ["csk 1 retired, csk 2 active", "csk", true],
    ["ksk 1 active, zsk 2 retired, zsk 3 active", "ksk", false],
    ["ksk 1 active, zsk 2 retired, zsk 3 active", "zsk", true],
  ];
  for (const [text, role, want] of rows) assert.equal(isRolling(keys(text), role), want, `${text}: ${role}`);
});
