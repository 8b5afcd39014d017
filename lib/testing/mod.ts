/**
 * What tests of every part need: a throw-away CA, programs run to their end, sessions
 * of command lines. Whole platforms are in tests/platform.ts.
 * @module
 */
export { type Issued, type IssuedFiles, type ThrowawayCa, throwawayCa, writeIssued } from "./throwaway_ca.ts";
export { type Ran, run } from "./run.ts";
export { playSession, wordsOf } from "./cli_session.ts";
export { seeded } from "./seeded.ts";
