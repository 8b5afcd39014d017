/**
 * The audit log that a service keeps in its own database.
 * @module
 */
export { type AuditEntry, AuditLog, auditMigration, type AuditPage, type AuditQuery } from "./audit_log.ts";
