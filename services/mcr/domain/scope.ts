/**
 * Scopes of registry tokens, `repository:NAME:ACTION,ACTION`, as the
 * distribution project's token specification writes them.
 */
import { type RepositoryName } from "./repository_name.ts";

/** What may be done with a repository. */
export const actions = ["pull", "push", "delete"] as const;
export type Action = typeof actions[number];

/** One thing and what may be done with it; also the form of a token's `access` claim. */
export interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** More than a client ever asks for: a mount asks for two. */
const maxScopes = 64;

/**
 * Reads scopes from the values of `scope` parameters, each of which may hold
 * several divided by spaces. What is malformed or of an unknown type stays in
 * the list; granting is what decides.
 */
export function parseScopes(values: readonly string[]): Access[] {
  return values
    .flatMap((value) => value.split(" "))
    .filter((text) => text !== "")
    .slice(0, maxScopes)
    .map((text) => {
      // The name may hold ":" (a host with its port), so type and actions are what is outside the outer two.
      const first = text.indexOf(":");
      const last = text.lastIndexOf(":");
      if (first < 0 || first === last) return { type: text, name: "", actions: [] };
      return {
        type: text.slice(0, first),
        name: text.slice(first + 1, last),
        actions: [...new Set(text.slice(last + 1).split(",").filter((action) => action !== ""))],
      };
    });
}

/** `repository:infra/mcq:pull,push` */
export function formatScope({ type, name, actions }: Access): string {
  return `${type}:${name}:${actions.join(",")}`;
}

export function repositoryAccess(name: RepositoryName, ...wanted: Action[]): Access {
  return { type: "repository", name, actions: wanted };
}

/** Listing repositories; what is listed is up to policy. */
export const catalogAccess: Access = { type: "registry", name: "catalog", actions: ["*"] };

/** Whether what was granted includes everything in `needed`. */
export function covers(granted: readonly Access[], needed: Access): boolean {
  return needed.actions.every((action) =>
    granted.some(({ type, name, actions }) => type === needed.type && name === needed.name && actions.includes(action))
  );
}
