/**
 * From a program's declaration and its config to exact Deno permission flags,
 * each with its reason. This folder is the only place where permission flags are
 * written; every way of starting a program goes through it.
 * @module
 */
export { covers } from "./cover.ts";
export { type Declaration, defaultDeclaration, parseDeclaration, type VerbNeeds } from "./declaration.ts";
export { baseFlags, commandLine, derive, type DeriveOptions, type Extra, type Sandbox } from "./derive.ts";
export { isIgnored } from "./environment.ts";
export { explain } from "./explain.ts";
export type { Grant, GrantKind } from "./grant.ts";
export { refuseSymlinks } from "./symlinks.ts";
