import { type Authenticate, bearerToken, localCaller } from "@lib/auth/mod.ts";
import { implement, type Operation, problemResponse, refuseScopes, requestIdFrom, restApp } from "@lib/contract/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { HealthService } from "@proto/metacircular/v1/health_pb.ts";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HealthReport, ServiceContext } from "./program.ts";

interface ConfigWithServer {
  server: { rest_addr: string; grpc_addr: string; tls_cert: string; tls_key: string; shutdown_timeout_ms: number };
}

/** Answers a request before the REST routes do, or leaves it to them with null. */
export type ExtraRoutes = (request: Request, info: { remote: string }) => Promise<Response | null>;

export interface ApiOptions {
  context: ServiceContext<ConfigWithServer>;
  operations: readonly Operation[];
  /** "local": unix sockets only, whose callers count as admin. */
  authenticate: Authenticate | "local";
  health: () => HealthReport;
  /** What the verb `status` prints below the health: a line each, aligned already, for an operator. */
  status?: () => readonly string[];
  /** Tried first: /v2/, /.well-known/, pages. */
  routes?: ExtraRoutes;
}

/** The two API listeners of a service. Disposing drains them. */
export interface Api extends AsyncDisposable {
  restAddress: string;
  grpcAddress: string;
  /** Both are served with these; null on unix sockets. */
  certificates: CertificateFiles | null;
}

/**
 * Starts REST and gRPC with the service's operations, its health (`/v1/health`, grpc.health.v1), `/metrics`, and
 * `/v1/status` where the service has one: both for who is on this machine and for holders of any valid token that has no
 * scopes.
 */
export async function serveApi(options: ApiOptions): Promise<Api> {
  const { context, routes } = options;
  const { server } = context.config;
  const { log, name, version } = context;
  const authenticate: Authenticate = options.authenticate === "local"
    ? () => Promise.resolve(localCaller)
    : options.authenticate;
  const local = options.authenticate === "local";
  let draining = false;
  let certificates: CertificateFiles | null = null;
  const operations = [
    ...options.operations,
    ...implement(HealthService, {
      getHealth: () => {
        const { status, reasons, sealed = false } = withCertificate(
          options.health(),
          certificates,
          context.clock.now(),
        );
        return {
          status: draining ? "draining" : status,
          service: name,
          version,
          startedAt: timestampFromDate(context.startedAt),
          sealed,
          reasons,
        };
      },
    }),
  ];

  await using stack = new AsyncDisposableStack();
  const needsTls = [server.rest_addr, server.grpc_addr].some((address) => !address.startsWith("unix:"));
  const files = needsTls
    ? stack.adopt(
      CertificateFiles.load({ cert: server.tls_cert, key: server.tls_key, log, clock: context.clock }),
      (files) => files.close(),
    )
    : null;
  certificates = files;
  const tlsFor = (address: string) => files === null || address.startsWith("unix:") ? {} : { tls: files };

  const insidePages: Record<string, (() => Response) | undefined> = {
    "/metrics": () =>
      new Response(context.metrics.text(), { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } }),
    ...(options.status === undefined ? {} : {
      "/v1/status": () =>
        new Response(options.status!().map((line) => `${line}\n`).join(""), {
          headers: { "content-type": "text/plain; charset=utf-8" },
        }),
    }),
  };
  const rest = restApp(operations, { authenticate: options.authenticate, log, service: name, version });
  const http = await serveHttp({
    address: server.rest_addr,
    ...tlsFor(server.rest_addr),
    log,
    reusePort: true,
    fetch: async (request, info) => {
      const extra = await routes?.(request, info);
      if (extra) return extra;
      const inside = insidePages[new URL(request.url).pathname];
      if (inside === undefined) return await rest(request, info);
      try {
        if (await mayLookInside(request, info.remote)) return inside();
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        return problemResponse(error, requestIdFrom(request.headers.get("x-request-id")), name);
      }
      return new Response("authentication required\n", { status: 401 });
    },
  });
  let grpc: Awaited<ReturnType<typeof serveGrpc>>;
  try {
    grpc = await serveGrpc({
      address: server.grpc_addr,
      ...tlsFor(server.grpc_addr),
      operations,
      authenticate: options.authenticate,
      log,
      reusePort: true,
    });
  } catch (error) {
    await http.close(0);
    throw error;
  }
  // Side by side: both drains have the one shutdown time-out.
  stack.defer(async () => {
    await Promise.all([http.close(server.shutdown_timeout_ms), grpc.close(server.shutdown_timeout_ms)]);
  });
  const started = stack.move();

  async function mayLookInside(request: Request, remote: string): Promise<boolean> {
    if (local || isOnThisMachine(request, remote, server.rest_addr)) return true;
    const token = bearerToken(request.headers.get("authorization"));
    if (token === null) return false;
    const caller = await authenticate(token);
    if (caller !== null) refuseScopes(caller, "look inside");
    return caller !== null;
  }

  return {
    restAddress: http.address,
    grpcAddress: grpc.address,
    certificates: files,
    async [Symbol.asyncDispose]() {
      draining = true;
      await started.disposeAsync();
    },
  };
}

/** By loopback, or from the very address that we listen on; what an ingress passes on comes from further away. */
function isOnThisMachine(request: Request, remote: string, listening: string): boolean {
  if (request.headers.has("x-forwarded-for")) return false;
  return remote === "127.0.0.1" || remote === "::1" || listening.startsWith(`${remote}:`) ||
    listening.startsWith(`[${remote}]:`);
}

// The agent renews at a third of the lifetime, a month for the platform's own; a week left means that it could not.
const alarmMs = 7 * 86_400_000;

/** A certificate that can't be read any more, or is about to end, makes the health degraded. */
function withCertificate(report: HealthReport, files: CertificateFiles | null, now: number): HealthReport {
  if (files === null) return report;
  const reasons = [...report.reasons];
  if (files.failure !== null) reasons.push(`the certificate served is an old one: ${files.failure}`);
  if (files.notAfter.getTime() - now < alarmMs) reasons.push(`the certificate ends at ${files.notAfter.toISOString()}`);
  return reasons.length === report.reasons.length ? report : { ...report, status: "degraded", reasons };
}
