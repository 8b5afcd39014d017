/** What a program is allowed, thing by thing. */
export type GrantKind = "net" | "read" | "write" | "env" | "run";

/** One thing that a program may do, and why. */
export interface Grant {
  kind: GrantKind;
  value: string;
  reason: string;
}
