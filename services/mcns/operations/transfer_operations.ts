/** Transfers: admins change them, every account reads them (the contract's access options say so). */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation } from "@lib/contract/mod.ts";
import { type TransferSchema, TransferService, type ZonePeer } from "@proto/mcns/v1/transfer_pb.ts";
import { DomainName } from "../domain/name.ts";
import { by } from "./by.ts";
import { optionalTime } from "./timestamps.ts";
import type { Peer, TransferControl, TransferState } from "./transfer_control.ts";

export function transferOperations(transfers: TransferControl): Operation[] {
  const zoneOf = (request: { zone: string }) => DomainName.parse(request.zone, "zone");

  return implement(TransferService, {
    getTransfer: (request) => shown(transfers.get(zoneOf(request))),

    setTransfer: (request, call) => {
      const primaries = request.primaries.map(peerOf), secondaries = request.secondaries.map(peerOf);
      return shown(transfers.set(zoneOf(request), { primaries, secondaries }, by(call)));
    },

    refreshZone: async (request, call) => shown(await transfers.refresh(zoneOf(request), by(call))),

    setCatalog: (request, call) => {
      const catalog = request.catalog === "" ? null : DomainName.parse(request.catalog, "catalog");
      return transfers.setCatalog(zoneOf(request), catalog, by(call));
    },
  });
}

function peerOf({ address, tsigKey, tlsName }: ZonePeer): Peer {
  return { address, tsigKey, tlsName };
}

function shown(state: TransferState): MessageInitShape<typeof TransferSchema> {
  const { primaries, secondaries, notifies, checkedAt, transferredAt, expiresAt, ...same } = state;
  return {
    ...same,
    primaries: [...primaries],
    secondaries: [...secondaries],
    notifies: notifies.map(({ at, ...notify }) => ({ ...notify, at: timestampFromMs(at) })),
    ...optionalTime("checkedAt", checkedAt),
    ...optionalTime("transferredAt", transferredAt),
    ...optionalTime("expiresAt", expiresAt),
  };
}
