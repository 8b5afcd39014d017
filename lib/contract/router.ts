/** Finds the operation of a verb and path. */
import type { DescField } from "@bufbuild/protobuf";
import { bindingShape } from "./binding.ts";
import type { Operation } from "./operation.ts";

/** What a path leads to: an operation with its path parameters, or the verbs that the path does take. */
export type Route =
  | { operation: Operation; path: Map<DescField, string> }
  | { operation: null; allow: string[] };

/** Builds the lookup. Throws when two operations have one verb and path. */
export function createRouter(operations: readonly Operation[]): (verb: string, pathname: string) => Route {
  const shapes = new Map<string, Operation>();
  const byLength = new Map<number, Operation[]>();
  for (const operation of operations) {
    const shape = bindingShape(operation.rest);
    const other = shapes.get(shape);
    if (other !== undefined) throw new Error(`${operation.name} and ${other.name} share ${shape}`);
    shapes.set(shape, operation);
    const length = operation.rest.segments.length;
    byLength.set(length, [...byLength.get(length) ?? [], operation]);
  }
  // Literal before parameter, from the left: /v1/policy/rules wins over /v1/policy/{name}.
  for (const list of byLength.values()) list.sort((a, b) => specificity(b) < specificity(a) ? -1 : 1);

  return (verb, pathname) => {
    const parts = pathname.slice(1).split("/");
    const matching = (byLength.get(parts.length) ?? []).filter((operation) => matches(operation, parts));
    // RFC 9110 §9.3.2: HEAD is GET without the body.
    const wanted = verb === "HEAD" ? "GET" : verb;
    const operation = matching.find((candidate) => candidate.rest.verb === wanted);
    if (operation === undefined) return { operation: null, allow: allowed(matching) };
    const path = new Map<DescField, string>();
    operation.rest.segments.forEach((segment, i) => {
      if ("field" in segment) path.set(segment.field, decode(parts[i]!)!);
    });
    return { operation, path };
  };
}

const specificity = (operation: Operation): string =>
  operation.rest.segments.map((segment) => "literal" in segment ? "1" : "0").join("");

const matches = (operation: Operation, parts: string[]): boolean =>
  operation.rest.segments.every((segment, i) => {
    const text = decode(parts[i]!);
    return "literal" in segment ? segment.literal === text : text !== undefined && text !== "";
  });

function allowed(operations: Operation[]): string[] {
  const verbs = new Set<string>(operations.map((operation) => operation.rest.verb));
  if (verbs.has("GET")) verbs.add("HEAD");
  if (verbs.size > 0) verbs.add("OPTIONS");
  return [...verbs].sort();
}

/** Percent-decoded, or undefined when it isn't valid percent-encoded UTF-8. */
function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
