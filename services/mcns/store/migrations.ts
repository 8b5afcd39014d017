/** The tables, in the order in which they came to be. An applied text never changes. */
import type { Migration } from "@lib/db/mod.ts";
import zones from "./migrations/001_zones.sql" with { type: "text" };
import records from "./migrations/002_records.sql" with { type: "text" };
import transfer from "./migrations/003_transfer.sql" with { type: "text" };
import dnssec from "./migrations/004_dnssec.sql" with { type: "text" };
import staged from "./migrations/005_staged.sql" with { type: "text" };

export const migrations: readonly Migration[] = [
  { name: "001_zones", sql: zones },
  { name: "002_records", sql: records },
  { name: "003_transfer", sql: transfer },
  { name: "004_dnssec", sql: dnssec },
  { name: "005_staged", sql: staged },
];
