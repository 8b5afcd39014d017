/** The schema's steps, in order. */
import { auditMigration } from "@lib/audit/mod.ts";
import type { Migration } from "@lib/db/mod.ts";
import { ruleTableMigration } from "@lib/policy/mod.ts";
import seal from "./migrations/001_seal.sql" with { type: "text" };
import ca from "./migrations/002_ca.sql" with { type: "text" };

export const migrations: readonly Migration[] = [
  { name: "001_seal", sql: seal },
  { name: "002_ca", sql: ca },
  auditMigration,
  ruleTableMigration,
];
