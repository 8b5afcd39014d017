/**
 * What command lines print and ask: tables, progress, prompts. Colours and
 * progress only on a terminal; results on stdout, everything else on stderr.
 * @module
 */
export { type Column, table } from "./table.ts";
export { type Progress, progress } from "./progress.ts";
export { askPassword } from "./password.ts";
export { type Paint, paint } from "./paint.ts";
