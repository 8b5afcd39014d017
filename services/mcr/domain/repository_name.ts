import { quote } from "@lib/errors/mod.ts";
import { RegistryError } from "./registry_error.ts";

/** A checked repository name, e.g. "infra/tools/mcq". */
export type RepositoryName = string & { readonly __repositoryName: never };

// OCI distribution 1.1, "Pulling manifests": components of lower-case letters and digits, inside them
// single ".", one or two "_", or any run of "-"; so ".." and "." never occur.
const pattern = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
// Clients limit host, port and name together to 255; the specification recommends to stay below.
const maxCharacters = 255;

/** @throws RegistryError NAME_INVALID */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length <= maxCharacters && pattern.test(text)) return text as RepositoryName;
  throw new RegistryError(
    "NAME_INVALID",
    `${quote(text)} is not a repository name: lower-case letters and digits, inside a part also . _ __ or -, ` +
      `parts divided by /, at most ${maxCharacters} characters`,
    { field: "repository", detail: { name: text.slice(0, maxCharacters) } },
  );
}
