import { implement, type Operation, requireCaller } from "@lib/contract/mod.ts";
import { AuthService } from "@proto/mcns/v1/mcns_pb.ts";
import { describeRights, type RightsSettings } from "../domain/rights.ts";
import { actorOf } from "./by.ts";

/** Who the caller is here, and what it may change. */
export function authOperations(rights: RightsSettings): Operation[] {
  return implement(AuthService, {
    whoAmI: (_request, call) => {
      const { username, accountType } = requireCaller(call);
      const actor = actorOf(call);
      return { username, accountType, admin: actor.admin, may: describeRights(rights, actor) };
    },
  });
}
