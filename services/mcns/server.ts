/**
 * Builds the service, in the order in which its parts need each other. Undoing goes the other way: the API
 * first, then DNS, so that names are answered to the last.
 */
import { join } from "node:path";
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import {
  type HealthReport,
  type RunningService,
  serveApi,
  type ServiceContext,
  serviceVerifier,
  watchDatabase,
} from "@lib/service/mod.ts";
import type { Config } from "./config.ts";
import { Answers } from "./dns/answer.ts";
import { ClientNetworks } from "./dns/client_networks.ts";
import { Counters } from "./dns/counters.ts";
import type { Forwarder } from "./dns/forward/forwarder.ts";
import { listenDns } from "./dns/transport/listen.ts";
import { openForwarder } from "./dns/forward/open_forwarder.ts";
import { DomainName } from "./domain/name.ts";
import { ZoneDirectory } from "./domain/zone_directory.ts";
import { adminOperations } from "./operations/admin_operations.ts";
import { recordOperations } from "./operations/record_operations.ts";
import { zoneOperations } from "./operations/zone_operations.ts";
import { parseSeeds } from "./seeds.ts";
import zonesSql from "./store/migrations/001_zones.sql" with { type: "text" };
import { RecordStore } from "./store/record_store.ts";
import { seedZones } from "./store/seed_zones.ts";
import { ZoneFollower } from "./store/zone_follower.ts";
import { ZoneStore } from "./store/zone_store.ts";

export function databasePath(config: Config): string {
  return join(config.server.data_dir, "mcns.db");
}

/** A started MCNS, with the addresses that it has got (where a port was 0). */
export interface RunningMcns extends RunningService {
  readonly dnsAddresses: readonly string[];
  readonly restAddress: string;
  readonly grpcAddress: string;
}

export async function startServer(context: ServiceContext<Config>): Promise<RunningMcns> {
  const { config, log, clock, metrics } = context;
  await using stack = new AsyncDisposableStack();

  // The store, and the zones in memory that follow it.
  const db = stack.use(openDatabase({
    path: databasePath(config),
    migrations: [auditMigration, { name: "001_zones", sql: zonesSql }],
    // Losing an acknowledged change would leave a service without its name.
    durability: "full",
    clock,
    log,
  }));
  const directory = new ZoneDirectory();
  const follower = new ZoneFollower(db, directory, log);
  const audit = new AuditLog(db);
  const zones = new ZoneStore(db, audit, follower);
  const records = new RecordStore(db, zones, audit, follower);
  const seeded = seedZones(db, zones, records, parseSeeds(config.zones));
  if (seeded.length > 0) log.info("zones seeded from the config", { zones: seeded });
  stack.use(watchDatabase(db, () => follower.reload(), log));
  follower.reload();

  // DNS. From here on names are answered, whatever becomes of the API.
  const counters = new Counters();
  counters.register(metrics);
  const forwarder = openForwarder(config.forward, clock, log);
  if (forwarder !== null) stack.defer(() => forwarder.close());
  const answers = new Answers({
    zones: directory,
    forwarder,
    forwardFor: new ClientNetworks(config.forward.allow_clients),
    counters,
    log,
  });
  const dns = await listenDns({
    addresses: config.dns.listen_addrs,
    answers,
    counters,
    clock,
    log,
    idleMs: config.dns.tcp_idle_ms,
    maxConnections: config.dns.tcp_max_connections,
    maxPerClient: config.dns.tcp_max_per_client,
  });
  stack.defer(() => dns.close(config.server.shutdown_timeout_ms));
  metrics.gaugeFrom("mcns_zones", "Zones in memory", () => directory.size);
  metrics.gaugeFrom("mcns_tcp_connections", "DNS connections open", () => dns.connections);
  metrics.gaugeFrom("mcns_cache_bytes", "Memory of the forwarder's cache", () => forwarder?.cacheStats.bytes ?? 0);

  // The API.
  const verifier = stack.use(serviceVerifier(context));
  const health = () => healthOf(forwarder);
  const api = stack.use(
    await serveApi({
      context,
      operations: [
        ...zoneOperations(zones),
        ...recordOperations(records, {
          serviceZone: DomainName.parse(config.rights.service_zone, "rights.service_zone"),
          agentAccount: config.rights.agent_account,
        }),
        ...adminOperations(counters, forwarder, log),
      ],
      authenticate: verifier.verify,
      health,
    }),
  );
  log.info("answering DNS", { addresses: dns.addresses, zones: directory.size });

  const running = stack.move();
  return {
    dnsAddresses: dns.addresses,
    restAddress: api.restAddress,
    grpcAddress: api.grpcAddress,
    health,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function healthOf(forwarder: Forwarder | null): HealthReport {
  const down = (forwarder?.upstreams ?? []).filter(({ healthy }) => !healthy);
  return {
    status: down.length === 0 ? "serving" : "degraded",
    reasons: down.map(({ address }) => `upstream ${address} does not reply`),
  };
}
