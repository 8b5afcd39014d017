/** The seal's operations. */
import { implement, type Operation, requireCaller } from "@lib/contract/mod.ts";
import { SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import type { Seal } from "../barrier/seal.ts";
import { actorOf } from "./actor.ts";

export function sealOperations(seal: Seal): Operation[] {
  const status = () => ({ state: seal.state(), autoUnseal: seal.autoUnseals() });
  return implement(SealService, {
    getSealStatus: status,
    initSeal: async ({ password }, call) => {
      await seal.init(password, actorOf(call));
      return status();
    },
    unseal: async ({ password }, call) => {
      await seal.unseal(password, actorOf(call));
      return status();
    },
    seal: (_, call) => {
      requireCaller(call);
      seal.seal(actorOf(call));
      return status();
    },
  });
}
