/**
 * The API and the pages for admins who are not on this machine: over TLS, with MCIAS's word on who they are.
 * @module
 */
import type { Operation } from "@lib/contract/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { type Api, type ApiOptions, serveApi, type ServiceContext } from "@lib/service/mod.ts";
import type { Config } from "./config.ts";
import type { Mcias } from "./mcias.ts";
import type { TrafficHistory } from "./traffic/history.ts";
import { webRoutes } from "./web/web_routes.tsx";

export interface AdminOptions {
  context: ServiceContext<Config>;
  operations: readonly Operation[];
  health: ApiOptions["health"];
  status: NonNullable<ApiOptions["status"]>;
  /** Null when none is configured. */
  mcias: Mcias | null;
  /** For the pages. */
  history: Pick<TrafficHistory, "pieces">;
}

/**
 * Starts both listeners of `[admin]`; null when none is configured.
 * @throws PlatformError `invalid` for a half configuration
 */
export async function openAdmin({ context, mcias, history, ...api }: AdminOptions): Promise<Api | null> {
  const { admin, server } = context.config;
  if (admin.rest_addr === "" && admin.grpc_addr === "") return null;
  for (const key of ["rest_addr", "grpc_addr", "tls_cert", "tls_key"] as const) {
    if (admin[key] === "") throw invalid(`admin.${key}`, "must be given when others of [admin] are");
  }
  if (mcias === null) throw invalid("admin.mcias_addr", "must be given when others of [admin] are");
  const { rest_addr, grpc_addr, tls_cert, tls_key } = admin;
  const outside = {
    ...context,
    config: { ...context.config, server: { ...server, rest_addr, grpc_addr, tls_cert, tls_key } },
  };
  await using stack = new AsyncDisposableStack();
  const { version, clock, log } = context;
  const routes = webRoutes({
    ...{ operations: api.operations, history, health: api.health, version, clock, log },
    authenticate: mcias.verify,
    login: mcias,
  });
  const started = stack.use(await serveApi({ ...api, context: outside, authenticate: mcias.verify, routes }));
  const { restAddress, grpcAddress, certificates } = started;
  const running = stack.move();
  return { restAddress, grpcAddress, certificates, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
