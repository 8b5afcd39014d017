/** Typed clients of generated services. */
import { Client, type ClientReadableStream, type ClientUnaryCall, type ServiceError } from "@grpc/grpc-js";
import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Buffer } from "node:buffer";
import { unavailable } from "@lib/errors/mod.ts";
import { callMetadata, ClientCredentials, type ClientTls } from "./client_credentials.ts";
import { bytesAsTheyAre, decode, encode, methodPath } from "./definition.ts";
import { requireHttp2Guard } from "./h2_guard.ts";
import { messagesOf } from "./message_stream.ts";
import { fromWire, type Target } from "./status.ts";

export interface GrpcClientOptions {
  /** "host:port" or "unix:/absolute/path". */
  address: string;
  /** Needed unless the address is a unix socket or (for tests) loopback. */
  tls?: ClientTls;
  /** Asked before each call; undefined or "" sends none. */
  token?: () => string | undefined;
  /** For unary calls, from call to answer; default 10,000. Streams have none unless the call says so. */
  deadlineMs?: number;
}

export interface GrpcCallOptions {
  /** Overrides the client's. */
  deadlineMs?: number;
  /** Cancels the call; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Overrides the client's, for callers who act for many accounts. */
  token?: string;
  /** Passed on to the server, so that one id follows a request through the platform. */
  requestId?: string;
}

type Unary = { methodKind: "unary"; input: DescMessage; output: DescMessage };
type ServerStreaming = { methodKind: "server_streaming"; input: DescMessage; output: DescMessage };

type ClientMethod<M> = M extends Unary
  ? (request: MessageInitShape<M["input"]>, options?: GrpcCallOptions) => Promise<MessageShape<M["output"]>>
  : M extends ServerStreaming ? (
      request: MessageInitShape<M["input"]>,
      options?: GrpcCallOptions,
    ) => AsyncGenerator<MessageShape<M["output"]>, void, undefined>
  : never;

/** One function per RPC. Every failure is a `PlatformError`, except for a signal's own reason. */
export type GrpcClient<S extends DescService> =
  & { [K in keyof S["method"]]: ClientMethod<S["method"][K]> }
  & AsyncDisposable
  & {
    /** Cancels what is under way and closes the connection; resolves when it is closed. */
    close(): Promise<void>;
  };

/** How long a connection may take to say goodbye, in ms. */
const goodbyeMs = 500;

/**
 * Makes a client. It connects on first use and again after a loss (waiting 100 ms to 2 s between attempts, during
 * which calls fail at once); nothing fails here when the server is down. A streaming call starts when it is iterated.
 */
export function grpcClient<S extends DescService>(service: S, options: GrpcClientOptions): GrpcClient<S> {
  requireHttp2Guard();
  const connection = new Connection(service.typeName, options);
  const client: Record<string | symbol, unknown> = {
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
  for (const method of service.methods) {
    if (method.methodKind === "unary") {
      client[method.localName] = (request: unknown, call: GrpcCallOptions = {}) =>
        connection.unary(method, request, call);
    } else if (method.methodKind === "server_streaming") {
      client[method.localName] = (request: unknown, call: GrpcCallOptions = {}) =>
        connection.stream(method, request, call);
    }
  }
  return client as unknown as GrpcClient<S>;
}

/** The parts of grpc-js's inside that `stopReconnecting` needs; any of them may be missing in another version. */
interface ClientInside {
  internalChannel?: {
    subchannelPool?: { pool?: Record<string, { subchannel?: { backoffTimeout?: { stop?(): void } } }[]> };
  };
}

/**
 * grpc-js lets the wait for the next attempt run on in a closed client, and then makes that attempt: a timer and a
 * connection that nobody can close. Tests see it as a leak.
 */
function stopReconnecting(client: Client): void {
  const inside = client.getChannel() as unknown as ClientInside;
  for (const entries of Object.values(inside.internalChannel?.subchannelPool?.pool ?? {})) {
    for (const { subchannel } of entries) subchannel?.backoffTimeout?.stop?.();
  }
}

class Connection {
  readonly #service: string;
  readonly #options: GrpcClientOptions;
  readonly #credentials: ClientCredentials;
  readonly #client: Client;
  readonly #calls = new Set<ClientUnaryCall | ClientReadableStream<Buffer>>();
  #closing: Promise<void> | null = null;

  constructor(service: string, options: GrpcClientOptions) {
    this.#service = service;
    this.#options = options;
    this.#credentials = new ClientCredentials(options.address, options.tls);
    this.#client = new Client(options.address, this.#credentials, {
      // Else a TXT query to the system's resolver for every name.
      "grpc.service_config_disable_resolution": 1,
      // Else it reads proxy variables, which no service is permitted to.
      "grpc.enable_http_proxy": 0,
      // A connection of its own, so that closing the client closes it.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_channelz": 0,
      // A restarted service is found again within 2 s; grpc-js would wait up to 120.
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2000,
      // A dead peer is noticed within 40 s, while calls wait for it.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
      // Full pages and audit exports; what a server accepts is far less.
      "grpc.max_receive_message_length": 16 * 1024 * 1024,
      ...(options.tls === undefined ? {} : { "grpc.default_authority": options.tls.serverName }),
    });
  }

  async unary(method: DescMethod, request: unknown, options: GrpcCallOptions): Promise<unknown> {
    this.#assertOpen(options);
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs ?? 10_000;
    const answer = Promise.withResolvers<Buffer>();
    const call = this.#client.makeUnaryRequest(
      methodPath(method),
      bytesAsTheyAre,
      bytesAsTheyAre,
      encode(method.input, request),
      callMetadata(options.token ?? this.#options.token?.(), options.requestId),
      { deadline: Date.now() + deadlineMs },
      (error, bytes) => error === null ? answer.resolve(bytes!) : answer.reject(error),
    );
    const release = this.#watch(call, options.signal);
    try {
      return decode(method.output, await answer.promise);
    } catch (error) {
      throw this.#shown(error, method, deadlineMs, options.signal);
    } finally {
      release();
    }
  }

  async *stream(method: DescMethod, request: unknown, options: GrpcCallOptions): AsyncGenerator<unknown, void> {
    this.#assertOpen(options);
    const deadlineMs = options.deadlineMs;
    const call = this.#client.makeServerStreamRequest(
      methodPath(method),
      bytesAsTheyAre,
      bytesAsTheyAre,
      encode(method.input, request),
      callMetadata(options.token ?? this.#options.token?.(), options.requestId),
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
    );
    const release = this.#watch(call, options.signal);
    try {
      for await (const bytes of messagesOf(call)) yield decode(method.output, bytes);
    } catch (error) {
      throw this.#shown(error, method, deadlineMs, options.signal);
    } finally {
      // Whoever breaks out of the loop wants no more; without this the server would go on sending.
      call.cancel();
      release();
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    for (const call of this.#calls) call.cancel();
    stopReconnecting(this.#client);
    this.#client.close();
    const { sockets } = this.#credentials;
    const closed = Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), goodbyeMs);
    await closed;
    clearTimeout(timer);
  }

  #assertOpen(options: GrpcCallOptions): void {
    options.signal?.throwIfAborted();
    if (this.#closing !== null) throw unavailable(`The client of ${this.#service} is closed`);
  }

  /** Cancels the call with the signal and with the client; to be released when the call has ended. */
  #watch(call: ClientUnaryCall | ClientReadableStream<Buffer>, signal: AbortSignal | undefined): () => void {
    const cancel = () => call.cancel();
    this.#calls.add(call);
    signal?.addEventListener("abort", cancel, { once: true });
    return () => {
      this.#calls.delete(call);
      signal?.removeEventListener("abort", cancel);
    };
  }

  #shown(error: unknown, method: DescMethod, deadlineMs: number | undefined, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    const failure = error as Partial<ServiceError>;
    if (typeof failure.code !== "number" || typeof failure.details !== "string") return error;
    const target: Target = { service: this.#service, method: method.name, address: this.#options.address, deadlineMs };
    return fromWire(failure as ServiceError, target);
  }
}
