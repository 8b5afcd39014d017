/**
 * The audit log.
 * @module
 */
import { implement, nextPageToken, type Operation, parsePage } from "@lib/contract/mod.ts";
import { AuditService } from "@proto/mcias/v1/mcias_pb.ts";
import type { IdentityStore } from "../store/identity_store.ts";

export function auditOperations(store: Pick<IdentityStore, "audit">): Operation[] {
  return implement(AuditService, {
    listEvents(request) {
      const { actor, action } = request;
      const { events, lastKey } = store.audit.list({ actor, action, page: parsePage(request) });
      return { events, nextPageToken: nextPageToken(lastKey) };
    },
  });
}
