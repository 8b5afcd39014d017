import { isAdmin } from "@lib/auth/mod.ts";
import { type Call, requireCaller } from "@lib/contract/mod.ts";
import type { Actor } from "../domain/rights.ts";
import { readTokenScopes } from "../domain/token_scopes.ts";
import type { By } from "../store/zone_store.ts";

/** On whose behalf the call changes something: for history and audit. */
export function by(call: Call): By {
  return { actor: requireCaller(call).username, remote: call.remote };
}

/** The caller, as far as rights go. */
export function actorOf(call: Call): Actor {
  const caller = requireCaller(call);
  const { username, accountType, scopes } = caller;
  return {
    username,
    accountType,
    admin: isAdmin(caller),
    limit: scopes === undefined ? null : readTokenScopes(scopes),
  };
}
