import type { Database } from "@lib/db/mod.ts";

/**
 * What engines and operations have of the database: one transaction around the changes of several stores and
 * their audit row. The statements stay with the stores.
 */
export type Transactions = Pick<Database, "write">;
