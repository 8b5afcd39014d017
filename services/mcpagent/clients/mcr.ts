import { conflict, PlatformError } from "@lib/errors/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { pullBundle, RegistryClient } from "@lib/oci/mod.ts";
import type { Images } from "../deploy/neighbours.ts";
import { hasBundle, storeBundle } from "../runtime/bundle_store.ts";
import { reach, type Whom } from "./reach.ts";

export interface ImagesOptions {
  /** Where the registry is on the network; definitions call it by another name. */
  readonly address: string;
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly token: () => string;
  /** Where programs are unpacked. */
  readonly bundlesDir: string;
  /** Called with a bundle that was fetched, before it is used. */
  readonly onFetched: (bundle: string) => Promise<unknown>;
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** The platform's images. What is on the node already isn't fetched again. */
export function imagesClient(options: ImagesOptions): Images & AsyncDisposable {
  const { address, serverName, ca, token, bundlesDir, onFetched } = options;
  const whom: Whom = { part: "MCR", address, service: "mcr" };
  const client = new HttpsClient({ address, serverName, ca });
  const registry = new RegistryClient({ client, username: "mcp-agent", password: token });
  return {
    async pull({ repository, tag, digest }, signal) {
      const name = `${repository}${tag === null ? "" : `:${tag}`}`;
      if (digest !== null && hasBundle(bundlesDir, hexOf(digest))) return { digest, bundle: hexOf(digest) };
      const what = `pull ${name}`;
      // First the manifest alone: a tag says what it is by its digest.
      const found = await reach(whom, what, () => manifestOf(registry, repository, tag ?? digest!, signal));
      if (digest !== null && found !== digest) {
        throw conflict(`Cannot ${what}: its digest is ${found}, and the definition wants ${digest}`, {
          hint: "The tag was moved, or the digest is mistyped: write the right one, or none",
        });
      }
      const bundle = hexOf(found);
      if (hasBundle(bundlesDir, bundle)) return { digest: found, bundle };
      await reach(whom, what, async () => {
        const pulled = await pullBundle(registry, { repository, reference: found, digest }, { signal });
        storeBundle(bundlesDir, bundle, pulled.config, pulled.files);
      });
      await onFetched(bundle);
      return { digest: found, bundle };
    },
    [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}

/** The digest of what a repository has under a tag or digest. */
async function manifestOf(
  registry: RegistryClient,
  repository: string,
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await registry.getManifest(repository, reference, [manifestType], { signal })).digest;
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "not_found") throw error;
    throw new PlatformError("not_found", error.message, {
      hint: "Push it first, or name one that is there",
      cause: error,
    });
  }
}

/** "sha256:abc…" → "abc…". */
function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}
