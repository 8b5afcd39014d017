/** Reading the audit log. */
import type { AuditLog } from "@lib/audit/mod.ts";
import { implement, nextPageToken, type Operation, parsePage } from "@lib/contract/mod.ts";
import { AuditService } from "@proto/metacrypt/v1/metacrypt_pb.ts";

export function auditOperations(audit: AuditLog): Operation[] {
  return implement(AuditService, {
    listEvents: ({ pageSize, pageToken, actor, action }) => {
      const page = parsePage({ pageSize, pageToken }, { max: 1000, default: 100 });
      const { events, lastKey } = audit.list({ actor, action, page });
      return { events, nextPageToken: nextPageToken(lastKey) };
    },
  });
}
