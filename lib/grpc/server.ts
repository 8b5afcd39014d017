/**
 * gRPC servers: operations from lib/contract, with health and reflection, over
 * TLS 1.3 or a unix socket.
 */
import type { DescService } from "@bufbuild/protobuf";
import { type Authentication, maxBodyBytes, type Observe, type Operation } from "@lib/contract/mod.ts";
import { messageOf, toPlatformError } from "@lib/errors/mod.ts";
import { errorCodes, type Http2Limits, Http2ServerConnection, type ServerStream } from "@lib/http2/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type CertificateFiles, DuplexStream, type StreamSocket } from "@lib/tls/mod.ts";
import { headOf, httpRefusal, timeoutMs } from "./call_head.ts";
import { methodPath } from "./definition.ts";
import { listen } from "./listener.ts";
import { MessageBudget, type MessageLimits } from "./message_reader.ts";
import { serveOperation } from "./operation_handlers.ts";
import { type ServeCall, ServerCall } from "./server_call.ts";
import { HealthStatus, reflection } from "./standard_services.ts";
import { statusCodes, WireFault, wireStatus } from "./wire_status.ts";

/** Where a service's peers differ from an ingress's, for which lib/http2 has its defaults. */
const limits: Partial<Http2Limits> = {
  // A peer that vanished without a word (pulled cable, frozen host) is let go after 70 s.
  keepAliveMs: 60_000,
  keepAliveTimeoutMs: 10_000,
  // Clients connect again without a failed call; most have a call every few seconds.
  idleMs: 30 * 60_000,
  // Who reads a log page by page may well stop for minutes. What waits meanwhile is one message.
  stalledWindowMs: 10 * 60_000,
};

/**
 * What requests that aren't whole yet may hold, as many of the largest; those of nobody we know apart, or anybody could
 * take the room of all.
 */
const unfinished = { callers: 64, strangers: 16 };

export interface GrpcServerOptions {
  /** "host:port" (port 0 lets the system choose) or "unix:/absolute/path". */
  address: string;
  /** Needed unless the address is a unix socket or (for tests) loopback. */
  tls?: CertificateFiles;
  operations: readonly Operation[];
  authenticate: Authentication;
  log: Logger;
  /** Lets a second process of ours listen beside this one; default false. */
  reusePort?: boolean;
  observe?: Observe;
}

export interface GrpcServer extends AsyncDisposable {
  /** With the port in use. */
  readonly address: string;
  /** What grpc.health.v1 says; true from the start. */
  setServing(serving: boolean): void;
  /**
   * Says NOT_SERVING, stops accepting, lets calls end for up to `drainMs`, then cuts them off (their signal aborts).
   * Resolves when no connection is left.
   */
  close(drainMs: number): Promise<void>;
}

/**
 * Starts a server. Throws `unavailable` when the address can't be bound, and `invalid` when it is malformed or others can
 * reach it in the clear.
 */
// deno-lint-ignore require-await -- binding is synchronous today; callers should not have to know
export async function serveGrpc(options: GrpcServerOptions): Promise<GrpcServer> {
  const { operations, log, tls, reusePort = false } = options;
  const services = [...new Set<DescService>(operations.map(({ method }) => method.parent))];
  const health = new HealthStatus(services);
  const calls = new Calls(
    [
      ...operations.map((operation): [string, ServeCall] => [
        methodPath(operation.method),
        serveOperation(operation, options),
      ]),
      ...health.methods,
      reflection(services),
    ],
    log,
  );
  const open = new Map<Http2ServerConnection, Promise<void>>();
  const onConnection = (socket: StreamSocket) => {
    const remote = socket.remoteAddress === "" ? "unix" : socket.remoteAddress;
    const connection = new Http2ServerConnection(new DuplexStream(socket), {
      limits,
      onRequest: (stream) => {
        calls.serve(stream, remote).catch((error) => {
          log.error("gRPC call failed", { path: stream.path, error: messageOf(error) });
          stream.reset(errorCodes.internalError);
        });
      },
    });
    const over = connection.run().then(() => {
      open.delete(connection);
      if (connection.fault !== null) tellFault(connection, remote, log);
    });
    open.set(connection, over);
  };
  const listener = listen({
    address: options.address,
    ...(tls === undefined ? {} : { tls }),
    reusePort,
    log,
    onConnection,
  });

  let closing: Promise<void> | undefined;
  const close = async (drainMs: number): Promise<void> => {
    health.setServing(false);
    health.endWatches();
    const closed = listener.close(drainMs);
    await listener.stopped;
    // Says GOAWAY to every peer, and none comes after: calls under way may end, idle connections close at once.
    for (const connection of open.keys()) connection.drain();
    await closed;
    await Promise.all(open.values());
  };
  return {
    address: listener.address,
    setServing: (serving) => health.setServing(serving),
    close: (drainMs) => closing ??= close(drainMs),
    [Symbol.asyncDispose]: () => closing ??= close(0),
  };
}

/** A stranger can bring most faults about as often as it likes: they must not fill the log. */
function tellFault({ fault, error }: Http2ServerConnection, remote: string, log: Logger): void {
  const facts = { remote, fault, ...(error === null ? {} : { reason: error.message }) };
  if (fault !== "internal") return log.debug("gRPC connection ended", facts);
  log.error("gRPC connection failed", { ...facts, error: messageOf(error?.cause) });
}

/** Finds the method of each request. */
class Calls {
  readonly #methods: ReadonlyMap<string, ServeCall>;
  readonly #log: Logger;
  readonly #callers = limitsFor(unfinished.callers);
  readonly #strangers = limitsFor(unfinished.strangers);

  /** @param methods by their paths */
  constructor(methods: Iterable<[string, ServeCall]>, log: Logger) {
    this.#methods = new Map(methods);
    this.#log = log;
  }

  /** Answers one request. */
  async serve(stream: ServerStream, remote: string): Promise<void> {
    // A call that is reset in the same breath has no effect (CVE-2023-44487).
    await null;
    if (stream.closed) return;
    const head = headOf(stream.fields);
    const refusal = httpRefusal(stream, head);
    if (refusal !== null) return stream.respond(refusal.status, refusal.fields, true);
    const timeout = head.timeout === undefined ? null : timeoutMs(head.timeout);
    const call = new ServerCall(stream, {
      ...{ head, timeoutMs: timeout, remote },
      strangers: this.#strangers,
      callers: this.#callers,
    });
    try {
      const method = this.#methods.get(stream.path);
      if (method === undefined) {
        throw new WireFault(statusCodes.unimplemented, `The server does not implement the method ${stream.path}`);
      }
      // compression.md of gRPC; grpc-accept-encoding is in every head.
      if (head.encoding !== undefined && head.encoding !== "identity") {
        throw new WireFault(statusCodes.unimplemented, `grpc-encoding must be identity, not ${head.encoding}`);
      }
      if (head.timeout !== undefined && timeout === null) {
        throw new WireFault(statusCodes.internal, `Invalid grpc-timeout value ${head.timeout}`);
      }
      await method(call);
    } catch (error) {
      if (error instanceof WireFault) return call.end(error.status);
      const shown = toPlatformError(error);
      if (shown.code === "internal" && !call.signal.aborted) {
        this.#log.error("gRPC call failed", { path: stream.path, request_id: head.requestId, error: messageOf(error) });
      }
      call.end(wireStatus(shown));
    }
  }
}

function limitsFor(requests: number): MessageLimits {
  return { maxBytes: maxBodyBytes, budget: new MessageBudget(requests * maxBodyBytes) };
}
