/** MCIAS's settings. */
import { type ConfigOf, defineConfig, integer, path, text } from "@lib/config/mod.ts";
import { logSection, serverSection } from "@lib/service/mod.ts";

export const schema = defineConfig({
  ...serverSection({ rest_addr: "127.0.0.1:8443", grpc_addr: "127.0.0.1:9443" }),
  ...logSection(),
  keys: {
    master_key_file: path(
      "",
      "32 bytes (raw, hexadecimal or base64) that seal the keys in the database; init makes it",
    ),
    passphrase_file: path(
      "",
      "instead of master_key_file: a passphrase of at least 16 characters, stretched by Argon2id",
    ),
  },
  tokens: {
    issuer: text("https://mcias.svc.mcp.metacircular.net", "the claim iss; changing it makes every token bad"),
    // 12 hours: a working day without a second login.
    human_lifetime_seconds: integer(43_200, "lifetime of a human's token, seconds", { min: 60, max: 2_592_000 }),
    // 365 days: system accounts have no password to log in with, so each renewal is an operator's or a program's act.
    system_lifetime_seconds: integer(31_536_000, "longest and default lifetime of a system account's token, seconds", {
      min: 60,
      max: 315_360_000,
    }),
  },
  passwords: {
    // RFC 9106 §4, second recommended choice, is also the least that is taken: some 0.2 s on one core.
    argon2_memory_kib: integer(65_536, "memory of one hash, KiB", { min: 65_536, max: 1_048_576 }),
    argon2_passes: integer(3, "passes over that memory", { min: 3, max: 20 }),
    argon2_lanes: integer(4, "lanes of that memory", { min: 4, max: 16 }),
    // Two: 128 MiB at most, and a core each on the smallest machines.
    concurrent_hashes: integer(2, "hashes computed at once", { min: 1, max: 32 }),
    // 64 waiting at 2 at once and 0.2 s each: the last one waits 6.4 s, less than a client's deadline of 10 s.
    waiting_hashes: integer(64, "hashes that may wait for their turn; more are refused", { min: 1, max: 1024 }),
  },
  login: {
    account_failures: integer(10, "wrong passwords for one name before waits begin", { min: 1, max: 1000 }),
    // Services that log users in (MCR) share one address, so it may fail more often than a name.
    address_failures: integer(100, "wrong passwords from one address before waits begin", { min: 1, max: 100_000 }),
    max_wait_seconds: integer(900, "longest wait after wrong passwords, seconds", { min: 1, max: 86_400 }),
    forget_seconds: integer(3600, "failures are forgotten after so long without another, seconds", {
      min: 60,
      max: 604_800,
    }),
  },
});

export type Config = ConfigOf<typeof schema>;
