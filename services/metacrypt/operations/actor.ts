/** Who stands in the audit row of a call. */
import type { Call } from "@lib/contract/mod.ts";
import type { Actor } from "../barrier/seal.ts";

export function actorOf(call: Call): Actor {
  return { username: call.caller?.username ?? "", remote: call.remote };
}
