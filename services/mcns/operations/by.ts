import { type Call, requireCaller } from "@lib/contract/mod.ts";
import type { By } from "../store/zone_store.ts";

/** On whose behalf the call changes something: for the audit row. */
export function by(call: Call): By {
  return { actor: requireCaller(call).username, remote: call.remote };
}
