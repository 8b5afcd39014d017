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
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** The platform's images. What is on the node already isn't fetched again. */
export function imagesClient(options: ImagesOptions): Images & AsyncDisposable {
  const { address, serverName, ca, token, bundlesDir } = options;
  const whom: Whom = { part: "MCR", address, service: "mcr" };
  const client = new HttpsClient({ address, serverName, ca });
  const registry = new RegistryClient({ client, username: "mcp-agent", password: token });
  return {
    async pull({ repository, tag, digest }, signal) {
      const name = `${repository}${tag === null ? "" : `:${tag}`}`;
      if (digest !== null && hasBundle(bundlesDir, hexOf(digest))) return { digest, bundle: hexOf(digest) };
      return await reach(whom, `pull ${name}`, async () => {
        // First the manifest alone: a tag says what it is by its digest.
        const found = await registry.getManifest(repository, tag ?? digest!, [manifestType], { signal });
        const bundle = hexOf(found.digest);
        // With a digest in the definition as well, the pull compares the two.
        if (digest === null && hasBundle(bundlesDir, bundle)) return { digest: found.digest, bundle };
        const pulled = await pullBundle(registry, { repository, reference: found.digest, digest }, { signal });
        storeBundle(bundlesDir, bundle, pulled.config, pulled.files);
        return { digest: found.digest, bundle };
      });
    },
    [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}

/** "sha256:abc…" → "abc…". */
function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}
