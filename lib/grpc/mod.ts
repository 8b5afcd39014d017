/**
 * gRPC: servers of lib/contract's operations on lib/http2, and typed clients on @grpc/grpc-js. What strangers send
 * reaches a server of ours, and so lib/http2 alone; the clients talk to servers of ours only.
 *
 * Permissions: a server needs net for its address (a unix socket: read and write on
 * its path too) and nothing else; a client net for the address it connects to.
 * grpc-js looks at variables named GRPC_* when it is loaded: run with
 * `--ignore-env=GRPC_*`.
 * @module
 */
export { type GrpcCallOptions, type GrpcClient, grpcClient, type GrpcClientOptions } from "./client.ts";
export type { ClientTls } from "./client_credentials.ts";
export { requireHttp2Guard } from "./h2_guard.ts";
export { type GrpcServer, type GrpcServerOptions, serveGrpc } from "./server.ts";
