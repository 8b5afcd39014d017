/**
 * What the parts of a route's form have in common.
 * @module
 */
import type { Child } from "@hono/hono/jsx";
import type { FormErrors } from "@lib/web/mod.ts";
import type { RouteDraft } from "./route_draft.ts";

export interface PartProps {
  draft: RouteDraft;
  errors: FormErrors;
}

/** Folded away unless something in it is set or wrong. */
export function Part(
  { title, names, draft, errors, children }: PartProps & {
    title: string;
    names: readonly (keyof RouteDraft)[];
    children: Child;
  },
) {
  const isUsed = names.some((name) =>
    errors.fields[name] !== undefined || (draft[name] !== "" && draft[name] !== "h1")
  );
  return (
    <details class="part" open={isUsed}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

/** What is wrong with several fields together. */
export function FieldsError({ name, errors }: { name: string; errors: FormErrors }) {
  const error = errors.fields[name];
  return error === undefined ? null : <p class="error" role="alert">{error}</p>;
}
