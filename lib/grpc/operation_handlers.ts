/** Operations as grpc-js handlers: token, access, decoding, handler, in that order, as over REST. */
import {
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import type { Message } from "@bufbuild/protobuf";
import type { Buffer } from "node:buffer";
import {
  type Authentication,
  type Call,
  CallRecord,
  checkAccess,
  identify,
  type Observe,
  type Operation,
  requestIdFrom,
  tokenFrom,
} from "@lib/contract/mod.ts";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { decode, encode } from "./definition.ts";
import { wireStatus } from "./status.ts";

export interface HandlerOptions {
  authenticate: Authentication;
  log: Logger;
  observe?: Observe;
  /** Served on a unix socket: peers have no address. */
  unix: boolean;
}

type Surface = Pick<ServerUnaryCall<Buffer, Buffer>, "metadata" | "getPeer" | "sendMetadata" | "on" | "cancelled">;

/** The handler that serves the operation. */
export function handlerOf(operation: Operation, options: HandlerOptions): UntypedHandleCall {
  return operation.streaming ? streaming(operation, options) : unary(operation, options);
}

function unary(operation: Operation, options: HandlerOptions) {
  return (surface: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
    const running = new RunningCall(operation, surface, options);
    running.admitted(surface.request)
      .then((request) => operation.invoke(request, running.call))
      .then((answer) => {
        const bytes = encode(operation.method.output, answer);
        running.record.ended();
        done(null, bytes);
      })
      .catch((error) => done(wireStatus(running.record.failed(error))));
  };
}

function streaming(operation: Operation, options: HandlerOptions) {
  return (surface: ServerWritableStream<Buffer, Buffer>): void => {
    const running = new RunningCall(operation, surface, options);
    // A stream that the peer has reset; the "cancelled" event says the same.
    surface.on("error", () => {});
    (async () => {
      const request = await running.admitted(surface.request);
      for await (const message of operation.stream(request, running.call)) {
        if (surface.cancelled) break;
        if (!surface.write(encode(operation.method.output, message))) await drained(surface, running.call.signal);
      }
      running.record.ended();
      surface.end();
    })().catch((error) => surface.emit("error", wireStatus(running.record.failed(error))));
  };
}

/** Resolves when the peer has taken what was written, or is gone. */
function drained(surface: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      surface.removeListener("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    surface.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

class RunningCall {
  readonly call: Call;
  readonly record: CallRecord;
  readonly #operation: Operation;
  readonly #surface: Surface;
  readonly #authenticate: Authentication;

  constructor(operation: Operation, surface: Surface, options: HandlerOptions) {
    const abort = new AbortController();
    surface.on("cancelled", () => abort.abort());
    const requestId = requestIdFrom(headerOf(surface.metadata, "x-request-id"));
    const metadata = new Metadata();
    metadata.set("x-request-id", requestId);
    surface.sendMetadata(metadata);
    this.call = {
      caller: null,
      remote: options.unix ? "unix" : hostOf(surface.getPeer()),
      requestId,
      transport: "grpc",
      signal: abort.signal,
    };
    this.record = new CallRecord(operation.name, this.call, options.log, options.observe);
    this.#operation = operation;
    this.#surface = surface;
    this.#authenticate = options.authenticate;
  }

  /** Lets the caller in and decodes the request. */
  async admitted(bytes: Buffer): Promise<Message> {
    const { access, method } = this.#operation;
    const token = tokenFrom(headerOf(this.#surface.metadata, "authorization"));
    if (token !== undefined) this.call.token = token;
    this.call.caller = await identify(access, token, this.#authenticate);
    checkAccess(access, this.call.caller);
    try {
      return decode(method.input, bytes);
    } catch (error) {
      throw invalid("request", `not a ${method.input.typeName}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function headerOf(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === "string" ? value : undefined;
}

/** "127.0.0.1:50412" → "127.0.0.1"; grpc-js writes IPv6 addresses without brackets. */
const hostOf = (peer: string): string => peer.replace(/:\d+$/, "");
