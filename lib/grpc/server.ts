/**
 * gRPC servers: operations from lib/contract, with health and reflection, over
 * TLS 1.3 or a unix socket.
 */
import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from "@grpc/grpc-js";
import type { DescService } from "@bufbuild/protobuf";
import { type Authentication, maxBodyBytes, type Observe, type Operation } from "@lib/contract/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { CertificateFiles } from "@lib/tls/mod.ts";
import { methodDefinition } from "./definition.ts";
import { requireHttp2Guard } from "./h2_guard.ts";
import { listen } from "./listener.ts";
import { handlerOf, type HandlerOptions } from "./operation_handlers.ts";
import { addReflection, HealthStatus } from "./standard_services.ts";

/** A new connection's SETTINGS are here within this, in ms. */
const firstSettingsMs = 100;

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
 * Starts a server. Throws `unavailable` when the address can't be bound, `invalid` when it is malformed, and an
 * `Error` when the http2 guard can't be installed.
 */
// deno-lint-ignore require-await -- binding is synchronous today; callers should not have to know
export async function serveGrpc(options: GrpcServerOptions): Promise<GrpcServer> {
  requireHttp2Guard();
  const { operations, log, reusePort = false } = options;
  const server = new Server({
    // As over REST. The largest legitimate requests are some tens of KiB.
    "grpc.max_receive_message_length": maxBodyBytes,
    // A peer that vanished without a word (pulled cable, frozen host) is let go after 70 s.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.enable_channelz": 0,
  });
  const services = addOperations(server, operations, {
    authenticate: options.authenticate,
    log,
    unix: options.address.startsWith("unix:"),
    ...(options.observe === undefined ? {} : { observe: options.observe }),
  });
  const health = new HealthStatus(server, services);
  addReflection(server, services);

  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = listen({
    address: options.address,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    reusePort,
    log,
    onConnection: (connection) => {
      injector.injectConnection(connection);
      // node:http2 pays no heed to the end of a stream that isn't a socket: the connection of a peer that is gone would
      // stay until the next keepalive. HTTP/2 has no use for half-open connections.
      connection.once("end", () => connection.destroy());
    },
  });

  let closing: Promise<void> | undefined;
  const close = async (drainMs: number): Promise<void> => {
    health.setServing(false);
    health.endWatches();
    const closed = listener.close(drainMs);
    await listener.stopped;
    // With both ends in one process over TLS, sessions of node:http2 (Deno 2.9.5) that were told to close in the moment in
    // which they opened made it spin for ever. SETTINGS come with a peer's first bytes; after them it closes.
    if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(drainMs, firstSettingsMs)));
    // Says GOAWAY to every peer, and none comes after: calls under way may end, idle connections close at once.
    server.tryShutdown(() => {});
    await closed;
    server.forceShutdown();
  };
  return {
    address: listener.address,
    setServing: (serving) => health.setServing(serving),
    close: (drainMs) => closing ??= close(drainMs),
    [Symbol.asyncDispose]: () => closing ??= close(0),
  };
}

function addOperations(server: Server, operations: readonly Operation[], options: HandlerOptions): DescService[] {
  const services = new Map<DescService, Operation[]>();
  for (const operation of operations) {
    const service = operation.method.parent;
    services.set(service, [...services.get(service) ?? [], operation]);
  }
  for (const [, members] of services) {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const operation of members) {
      definition[operation.method.localName] = methodDefinition(operation.method);
      handlers[operation.method.localName] = handlerOf(operation, options);
    }
    server.addService(definition, handlers);
  }
  return [...services.keys()];
}
