import { join } from "node:path";
import { TokenFile } from "@lib/auth/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { type RunningService, serveApi, type ServiceContext, serviceVerifier } from "@lib/service/mod.ts";
import { boot, stopAll, takeCare } from "./boot.ts";
import { imagesClient } from "./clients/mcr.ts";
import { issuerClient } from "./clients/metacrypt.ts";
import { ingressClient } from "./clients/mcproxy.ts";
import { namesClient } from "./clients/mcns.ts";
import type { Config } from "./config.ts";
import type { AgentNode, NodeSettings } from "./deploy/agent_node.ts";
import { Locks } from "./deploy/locks.ts";
import { Problems } from "./deploy/problems.ts";
import { defaultBackOff } from "./domain/restart.ts";
import { agentOperations } from "./operations.ts";
import { renewCertificates } from "./renewal.ts";
import { analyse } from "./runtime/analyse.ts";
import { readBundle } from "./runtime/bundle.ts";
import { DenoDriver } from "./runtime/deno_driver.ts";
import { Fleet } from "./runtime/fleet.ts";
import { LogFiles } from "./runtime/log_files.ts";
import { openRegistry } from "./store/registry.ts";
import { nodeProblems, stateOf } from "./view.ts";

export const databasePath = (config: Config): string => join(config.server.data_dir, "registry.db");

/** Builds the agent and starts its boot sequence; it answers while that runs. */
export async function startServer(
  context: ServiceContext<Config>,
): Promise<RunningService & { grpcAddress: string }> {
  const { config, log, clock, metrics } = context;
  await using stack = new AsyncDisposableStack();

  const { node: { bundles_dir, logs_dir, run_dir }, server, mcproxy } = config;
  for (const folder of [server.data_dir, bundles_dir, logs_dir, run_dir, mcproxy.certs_dir]) {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const registry = stack.use(openRegistry({ path: databasePath(config), clock, log }));
  const logs = stack.use(new LogFiles(logs_dir, clock, log));
  const ca = Deno.readTextFileSync(config.mcias.ca_cert);
  let tokenFile: TokenFile | null = null;
  // Read when it is first needed: on a new node it is written after MCIAS, which the agent starts, is up.
  const token = () => (tokenFile ??= new TokenFile({ path: config.auth.token_file, clock })).token();

  const { metacrypt, mcns, mcr } = config;
  const neighbours = {
    ingress: stack.use(ingressClient({ socket: mcproxy.admin_socket })),
    names: stack.use(
      namesClient({ address: mcns.address, serverName: mcns.server_name, ca, token, ttlSeconds: mcns.ttl_seconds }),
    ),
    issuer: stack.use(issuerClient({
      address: metacrypt.address,
      serverName: metacrypt.server_name,
      ca,
      token,
      mount: metacrypt.mount,
      ttlSeconds: metacrypt.ttl_seconds,
    })),
    images: stack.use(
      imagesClient({
        address: mcr.address,
        serverName: mcr.server_name,
        ca,
        token,
        bundlesDir: bundles_dir,
        onFetched: async (bundle) => {
          const { entry } = readBundle(bundles_dir, bundle);
          await analyse({ deno: config.deno.path, cacheDir: config.node.cache_dir }, entry);
        },
      }),
    ),
  };

  const stopping = new AbortController();
  const node: AgentNode = {
    settings: settingsOf(config, ca),
    registry,
    neighbours,
    driver: new DenoDriver(config.deno.path),
    fleet: new Fleet(),
    logs,
    locks: new Locks(clock),
    problems: new Problems(),
    clock,
    log,
    stopping: stopping.signal,
  };

  let booted = false;
  const work = boot(node)
    .catch((error) => log.error("boot broke off", { error }))
    .then(() => {
      booted = true;
      log.info("boot done", { problems: nodeProblems(node).length });
      const { folders, interval_ms: intervalMs } = config.renewal;
      return Promise.all([takeCare(node), renewCertificates(node, { folders, intervalMs })]);
    })
    .catch((error) => log.error("caretaker broke off", { error }));
  // Changes under way break off and are undone while the other parts still answer; then all is stopped, last started first.
  stack.defer(async () => {
    await Promise.all([work, node.locks.idle()]);
    await stopAll(node, null);
  });

  const verifier = stack.use(serviceVerifier(context));
  const operations = agentOperations(node, {
    version: context.version,
    startedAt: context.startedAt,
    booted: () => booted,
    stop: () => stopping.abort(),
    end: () => globalThis.dispatchEvent(new Event("metacircular:stop")),
  });
  const health = () => {
    const reasons = booted ? nodeProblems(node) : ["booting"];
    return { status: reasons.length === 0 ? "serving" as const : "degraded" as const, reasons };
  };
  const local = await serveGrpc({ address: config.node.local_socket, operations, authenticate: "local", log });
  stack.defer(() => local.close(server.shutdown_timeout_ms));
  const { grpcAddress } = stack.use(await serveApi({ context, operations, authenticate: verifier.verify, health }));

  metrics.gaugeFrom("mcpagent_services", "services on this node", () => registry.services.list().length);
  metrics.gaugeFrom(
    "mcpagent_services_running",
    "services that run and are healthy",
    () => registry.services.list().filter((row) => stateOf(node, row) === "running").length,
  );
  metrics.gaugeFrom("mcpagent_problems", "what an operator should look at", () => nodeProblems(node).length);

  const running = stack.move();
  return {
    health,
    grpcAddress,
    async [Symbol.asyncDispose]() {
      // First, so that followers of logs let the API drain.
      stopping.abort();
      await running.disposeAsync();
    },
  };
}

function settingsOf(config: Config, ca: string): NodeSettings {
  const { node, ports, mcias, mcns, mcproxy, mcr, boot } = config;
  if (ports.first > ports.last) {
    throw invalid("ports.first", `must not be above ports.last, got ${ports.first} and ${ports.last}`);
  }
  return {
    nodeName: node.name,
    nodeAddress: node.address,
    serviceZone: node.service_zone,
    srvDir: node.srv_dir,
    runDir: node.run_dir,
    cacheDir: node.cache_dir,
    bundlesDir: node.bundles_dir,
    certsDir: mcproxy.certs_dir,
    definitionsDir: boot.definitions_dir,
    registryName: mcr.registry_name,
    ports,
    listeners: new Map(mcproxy.listeners.map(({ port, name }) => [port, name])),
    recordAddress: mcns.record_address,
    caCert: mcias.ca_cert,
    ca,
    backOff: defaultBackOff,
    drainMs: node.drain_ms,
  };
}
