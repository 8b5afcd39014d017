/**
 * What tests of every part need: a throw-away CA, what a TLS client says first, programs run to their end,
 * sessions of command lines. Whole platforms are in tests/platform.ts.
 * @module
 */
export { clientHello } from "./client_hello.ts";
export { type Issued, type IssuedFiles, type ThrowawayCa, throwawayCa, writeIssued } from "./throwaway_ca.ts";
export { type Ran, run } from "./run.ts";
export { playSession, wordsOf } from "./cli_session.ts";
export { seeded } from "./seeded.ts";
