/** Metacrypt's settings. */
import { type ConfigOf, defineConfig, integer, path, text, texts } from "@lib/config/mod.ts";
import { logSection, mciasSection, serverSection } from "@lib/service/mod.ts";

export const schema = defineConfig({
  ...serverSection({ rest_addr: "127.0.0.1:8443", grpc_addr: "127.0.0.1:9443" }),
  ...logSection(),
  ...mciasSection(),
  seal: {
    auto_unseal_key_file: path(
      "",
      "key file that unseals at start; unset: an operator unseals. Made by init when it is missing and can be written",
    ),
    // RFC 9106 §4, second recommended choice: 0.2 s on one core. Raising it counts from the next init.
    argon2_memory_kib: integer(65_536, "memory for stretching the seal password, KiB", { min: 8192, max: 1_048_576 }),
    argon2_passes: integer(3, "passes over that memory", { min: 1, max: 20 }),
    argon2_parallelism: integer(4, "lanes of that memory", { min: 1, max: 16 }),
  },
  ca: {
    // 90 days: long enough for renewal at two thirds to survive a month of absence.
    max_ttl_seconds: integer(7_776_000, "default and greatest validity of a certificate, seconds", {
      min: 60,
      max: 34_300_800,
    }),
  },
  policy: {
    // The rules made of these are planted once, in an empty policy; later changes go through PutRule.
    service_zone: text("svc.mcp.metacircular.net", "agent_account may have certificates for names one label below it"),
    agent_account: text("mcp-agent", "the system account that deploys"),
    public_names: texts([], "further names that agent_account may have certificates for"),
    companion_names: texts([], "names that agent_account may add to such a certificate, never alone, e.g. localhost"),
  },
});

export type Config = ConfigOf<typeof schema>;
