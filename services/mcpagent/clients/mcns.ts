import { grpcClient } from "@lib/grpc/mod.ts";
import { RecordService } from "@proto/mcns/v1/mcns_pb.ts";
import type { Names } from "../deploy/neighbours.ts";
import { reach, type Whom } from "./reach.ts";

export interface NamesOptions {
  readonly address: string;
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly token: () => string;
  /** Of the records, seconds. */
  readonly ttlSeconds: number;
}

/** The platform's names. */
export function namesClient(options: NamesOptions): Names & AsyncDisposable {
  const { address, serverName, ca, token, ttlSeconds } = options;
  const whom: Whom = { part: "MCNS", address, service: "mcns" };
  const records = grpcClient(RecordService, { address, tls: { ca, serverName }, token });
  return {
    async setRecord({ zone, name, type, values }) {
      await reach(
        whom,
        `set the ${type} record ${name} in ${zone}`,
        () => records.setRecords({ zone, name, type, values: [...values], ttl: ttlSeconds, service: name }),
      );
    },
    async deleteRecord(zone, name, type) {
      await reach(
        whom,
        `remove the ${type} record ${name} in ${zone}`,
        () => records.deleteRecords({ zone, name, type }),
      );
    },
    [Symbol.asyncDispose]: () => records.close(),
  };
}
