import { type Digest, isDigest } from "./digest.ts";

/** What a manifest is asked for by. */
export type Reference = { readonly tag: string } | { readonly digest: Digest };

// OCI distribution 1.1, "Pulling manifests".
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** A tag or a digest, or null when the text is neither. A tag can't hold ":", so nothing is both. */
export function parseReference(text: string): Reference | null {
  if (isDigest(text)) return { digest: text };
  return isTag(text) ? { tag: text } : null;
}
