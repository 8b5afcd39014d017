import { type ConfigOf, defineConfig, integer, text } from "@lib/config/mod.ts";
import { logSection, mciasSection, serverSection } from "@lib/service/mod.ts";

/** The keys of mcr.toml. */
export const schema = defineConfig({
  ...serverSection({ rest_addr: "127.0.0.1:8443", grpc_addr: "127.0.0.1:9443" }),
  ...logSection(),
  ...mciasSection(),
  tokens: {
    service: text(
      "mcr.svc.mcp.metacircular.net",
      "the registry's name in its tokens and challenges; tokens for another name are refused",
    ),
    // podman, skopeo and buildah never retry on a token that ran out, so 300 s is the least; a changed policy
    // takes as long to reach tokens that are out, so an hour is the most.
    ttl_seconds: integer(300, "lifetime of registry tokens, seconds", { min: 300, max: 3600 }),
  },
  storage: {
    max_blob_bytes: integer(32 * 1024 ** 3, "largest blob accepted, bytes", { min: 4 * 1024 * 1024 }),
    upload_idle_seconds: integer(
      24 * 3600,
      "an upload to which nothing was written for this long is dropped, seconds",
      { min: 60, max: 30 * 24 * 3600 },
    ),
  },
});

export type Config = ConfigOf<typeof schema>;
