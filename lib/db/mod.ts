/**
 * SQLite as the services use it: one file, WAL, written-out SQL, migrations in
 * order, writes in one immediate transaction with one timestamp.
 * @module
 */
export { type Database, type Durability, openDatabase, type OpenOptions, type Statement } from "./database.ts";
export { type Migration } from "./migrations.ts";
