/** Operations as RPCs: token, access, decoding, handler, in that order, as over REST. */
import {
  type Authentication,
  type Call,
  CallRecord,
  checkAccess,
  identify,
  type Observe,
  type Operation,
  tokenFrom,
} from "@lib/contract/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { decodeRequest, encode } from "./definition.ts";
import type { ServeCall, ServerCall } from "./server_call.ts";
import { okStatus, WireFault, wireStatus } from "./wire_status.ts";

export interface HandlerOptions {
  authenticate: Authentication;
  log: Logger;
  observe?: Observe;
}

/** What serves the operation. Of a caller who isn't let in no message is read. */
export function serveOperation(operation: Operation, options: HandlerOptions): ServeCall {
  const { access, method, streaming } = operation;
  return async (wire) => {
    const call: Call = {
      caller: null,
      remote: wire.remote,
      requestId: wire.head.requestId,
      transport: "grpc",
      signal: wire.signal,
    };
    const record = new CallRecord(operation.name, call, options.log, options.observe);
    try {
      const token = tokenFrom(wire.head.authorization);
      if (token !== undefined) call.token = token;
      call.caller = await identify(access, token, options.authenticate);
      checkAccess(operation, call.caller);
      if (call.caller !== null) wire.identified();
      const request = decodeRequest(method.input, await wire.onlyMessage());
      if (streaming) {
        wire.open();
        await sendAll(wire, operation.stream(request, call), operation);
      } else {
        // Not waited for: the status follows what is being sent.
        void wire.send(encode(method.output, await operation.invoke(request, call)));
      }
      record.ended();
      wire.end(okStatus);
    } catch (error) {
      if (error instanceof WireFault) {
        record.failed(error.platformError);
        wire.end(error.status);
      } else {
        wire.end(wireStatus(record.failed(error)));
      }
    }
  };
}

/** One message is made when the one before has found room: what waits for a slow caller is one message. */
async function sendAll(wire: ServerCall, messages: AsyncIterable<unknown>, { method }: Operation): Promise<void> {
  for await (const message of messages) {
    if (wire.signal.aborted) return;
    const room = wire.send(encode(method.output, message));
    if (room !== undefined) await room;
  }
}
