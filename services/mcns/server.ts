/**
 * Builds the service, in the order in which its parts need each other. Undoing goes the other way: the API
 * first, then DNS, so that names are answered to the last.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { RecentProblems } from "@lib/log/mod.ts";
import {
  type HealthReport,
  type RunningService,
  serveApi,
  type ServiceContext,
  serviceLogin,
  serviceVerifier,
  watchDatabase,
} from "@lib/service/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import type { Config } from "./config.ts";
import { ClientNetworks } from "./dns/client_networks.ts";
import { Counters } from "./dns/counters.ts";
import type { Forwarder } from "./dns/forward/forwarder.ts";
import { type ForwardSettings, openForwarder } from "./dns/forward/open_forwarder.ts";
import { explainingAnswers, openAnswers } from "./dns/open_answers.ts";
import { queryFields, QueryLog } from "./dns/query_log.ts";
import { QueryRate } from "./dns/query_rate.ts";
import { openTransfers } from "./dns/transfer/open_transfers.ts";
import { dohRoute } from "./dns/transport/doh.ts";
import { type DnsListeners, hostPort, listenDns } from "./dns/transport/listen.ts";
import { openDnssec } from "./dnssec/open_dnssec.ts";
import { DomainName } from "./domain/name.ts";
import type { RightsSettings } from "./domain/rights.ts";
import { Views } from "./domain/views.ts";
import { adminOperations } from "./operations/admin_operations.ts";
import { authOperations } from "./operations/auth_operations.ts";
import { dnssecOperations } from "./operations/dnssec_operations.ts";
import { PointerRecords } from "./operations/pointer_records.ts";
import { recordOperations } from "./operations/record_operations.ts";
import { statusLines } from "./operations/status_lines.ts";
import { transferOperations } from "./operations/transfer_operations.ts";
import { tsigOperations } from "./operations/tsig_operations.ts";
import { zoneOperations } from "./operations/zone_operations.ts";
import { parseSeeds } from "./seeds.ts";
import { DnssecKeyStore } from "./store/dnssec_key_store.ts";
import { KeyVault } from "./store/key_vault.ts";
import { migrations } from "./store/migrations.ts";
import { RecordExpiry } from "./store/record_expiry.ts";
import { seedZones } from "./store/seed_zones.ts";
import { transferStores } from "./store/transfer_stores.ts";
import { zoneStores } from "./store/zone_stores.ts";
import { webRoutes } from "./web/web_routes.tsx";

export function databasePath(config: Config): string {
  return join(config.server.data_dir, "mcns.db");
}

/** A started MCNS, with the addresses that it has got (where a port was 0). */
export interface RunningMcns extends RunningService {
  readonly dnsAddresses: readonly string[];
  readonly tlsAddresses: readonly string[];
  readonly restAddress: string;
  readonly grpcAddress: string;
}

export async function startServer(context: ServiceContext<Config>): Promise<RunningMcns> {
  const { config, clock, metrics } = context;
  const problems = new RecentProblems(context.log, clock);
  const { log } = problems;
  await using stack = new AsyncDisposableStack();

  // The store, and the zones in memory that follow it.
  const db = stack.use(openDatabase({
    path: databasePath(config),
    migrations: [auditMigration, ...migrations],
    // Losing an acknowledged change would leave a service without its name.
    durability: "full",
    clock,
    log,
  }));
  const views = new Views(config.views.map(({ name, networks }) => {
    const clients = new ClientNetworks(networks);
    return { name, has: (address: string) => clients.has(address) };
  }));
  const audit = new AuditLog(db);
  const vault = KeyVault.open(config.dnssec.key_file || join(config.server.data_dir, "mcns.key"));
  const journalBytes = config.transfer.journal_bytes;
  const { zones, rows, records, changes, files, editor, follower, staged } = zoneStores(db, {
    audit,
    views,
    journalBytes,
    clock,
    log,
  });
  const others = transferStores(db, audit, vault, log);
  const seeded = seedZones(editor, zones, parseSeeds(config.zones));
  if (seeded.length > 0) log.info("zones seeded from the config", { zones: seeded });
  follower.reload();
  const unknown = zones.viewsInUse().filter((view) => !views.names.includes(view));
  if (unknown.length > 0) log.warn("nobody is answered from views that [[views]] doesn't have", { views: unknown });
  stack.use(new RecordExpiry(rows, editor, clock, log));
  stack.use(staged).start();

  // Answers.
  const counters = new Counters();
  counters.register(metrics);
  const rate = stack.use(new QueryRate(counters, () => clock.monotonic()));
  const forwarder = openForwarder(forwardSettings(config), clock, log);
  if (forwarder !== null) stack.defer(() => forwarder.close());
  const forwardFor = new ClientNetworks(config.forward.allow_clients);
  const dnssec = stack.use(openDnssec({
    ...{ editor, clock, log },
    store: new DnssecKeyStore(db, vault),
    zones: views.general,
  }));
  const transfers = stack.use(openTransfers({
    ...{ zones, editor, clock, log },
    stores: others,
    sources: config.transfer.source_addrs.map((address) => hostPort(address, "transfer.source_addrs")),
    tlsCa: config.transfer.tls_ca === "" ? "" : Deno.readTextFileSync(config.transfer.tls_ca),
    maxZoneBytes: config.transfer.max_zone_bytes,
    reachable: config.transfer.peers,
  }));
  transfers.counters.register(metrics);
  // A second process of ours, while one takes over from the other.
  const reload = () => {
    follower.reload();
    transfers.reload();
  };
  stack.use(watchDatabase(db, reload, log));
  const answering = { views, forwarder, forwardFor, special: transfers.special, counters, clock, log };
  const answers = openAnswers(config.dns, answering);
  const queries = new QueryLog({
    sample: config.dns.query_log_sample,
    now: () => clock.now(),
    write: (query) => log.info("query", queryFields(query)),
  });
  answers.observer = queries;
  // Bound last, below; closed after the API.
  let dns: DnsListeners | null = null;
  stack.defer(() => dns?.close(config.server.shutdown_timeout_ms));
  const tls = dnsOverTls(context, stack);
  metrics.gaugeFrom("mcns_zones", "Zones in memory", () => views.general.size);
  metrics.gaugeFrom("mcns_tcp_connections", "DNS connections open", () => dns?.connections ?? 0);
  metrics.gaugeFrom("mcns_cache_bytes", "Memory of the forwarder's cache", () => forwarder?.cacheStats.bytes ?? 0);

  // The API. Over HTTPS nothing is said before DNS is answered, too: a health that is well ends the process before this
  // one, at a hot restart.
  const answeringDns = Promise.withResolvers<void>();
  answeringDns.promise.catch(() => {});
  const verifier = stack.use(serviceVerifier(context));
  const health = () => healthOf(forwarder, [transfers, dnssec.maintenance]);
  const rights: RightsSettings = {
    serviceZone: DomainName.parse(config.rights.service_zone, "rights.service_zone"),
    agentAccount: config.rights.agent_account,
  };
  const explaining = { views, forwarder, forwardFor, answers: explainingAnswers(answering) };
  const operations = [
    ...zoneOperations({ zones, editor, changes, files, transfers: transfers.control, rights }),
    ...recordOperations({ records, pointers: new PointerRecords(zones, editor), editor, rights, clock }),
    ...dnssecOperations(dnssec.control),
    ...transferOperations(transfers.control),
    ...tsigOperations(others.keys),
    ...adminOperations({
      exchanged: transfers.counters,
      ...{ zones, counters, forwarder, queries, explaining, audit, clock, log },
      startedAt: context.startedAt,
    }),
    ...authOperations(rights),
  ];
  const pages = stack.use(webRoutes({
    ...{ operations, health, clock, log, version: context.version },
    authenticate: verifier.verify,
    login: stack.use(serviceLogin(context)),
  }));
  const doh = config.dns.doh ? dohRoute(answers) : null;
  const api = stack.use(
    await serveApi({
      context: { ...context, log },
      operations,
      authenticate: verifier.verifyScoped,
      health,
      status: () =>
        statusLines({
          listeners: listenersText(config, dns!),
          database: { path: databasePath(config), bytes: () => databaseBytes(config), durability: "full" },
          ...{ zones, editor, forwarder, counters, rate },
          transfers: transfers.control,
          exchanged: transfers.counters,
          dnssec: dnssec.control,
          problems: () => problems.lines,
          now: () => clock.now(),
        }),
      routes: async (request, info) => {
        await answeringDns.promise;
        return await doh?.(request, info) ?? await pages(request, info);
      },
    }),
  );

  // DNS: from here on, at a hot restart, all new queries come here, and the kernel keeps some 200 for a socket that isn't
  // read. So there is nothing left to be built, and what else is due at start comes a turn later.
  try {
    dns = await listenDns({
      addresses: config.dns.listen_addrs,
      ...tls,
      answers,
      counters,
      clock,
      log,
      idleMs: config.dns.tcp_idle_ms,
      maxConnections: config.dns.tcp_max_connections,
      maxPerClient: config.dns.tcp_max_per_client,
    });
  } catch (error) {
    answeringDns.reject(error);
    throw error;
  }
  answeringDns.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  transfers.start();
  dnssec.maintenance.start();
  log.info("answering DNS", { addresses: dns.addresses, zones: views.general.size });

  const running = stack.move();
  return {
    dnsAddresses: dns.addresses,
    tlsAddresses: dns.tlsAddresses,
    restAddress: api.restAddress,
    grpcAddress: api.grpcAddress,
    health,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Upstreams over TLS come first; the cache lies beside the database. */
function forwardSettings({ forward, server }: Config): ForwardSettings {
  const { tls_upstreams, tls_server_name, upstreams, prefetch_hits, keep_cache, ...same } = forward;
  if (tls_upstreams.length > 0 && tls_server_name === "") {
    throw invalid("forward.tls_server_name", "must be the name in the certificates of forward.tls_upstreams");
  }
  return {
    ...same,
    upstreams: [...tls_upstreams.map((address) => `tls://${address}#${tls_server_name}`), ...upstreams],
    prefetch: prefetch_hits,
    cache_file: keep_cache ? join(server.data_dir, "cache.bin") : "",
  };
}

/** DNS over TLS has the API's certificate. */
function dnsOverTls(
  { config, clock, log }: ServiceContext<Config>,
  stack: AsyncDisposableStack,
): { tls?: { addresses: readonly string[]; certificates: CertificateFiles } } {
  const addresses = config.dns.tls_listen_addrs;
  if (addresses.length === 0) return {};
  const { tls_cert: cert, tls_key: key } = config.server;
  const certificates = CertificateFiles.load({ cert, key, log, clock });
  stack.defer(() => certificates.close());
  return { tls: { addresses, certificates } };
}

function listenersText(
  { dns: { doh }, server: { rest_addr } }: Config,
  dns: { readonly addresses: readonly string[]; readonly tlsAddresses: readonly string[] },
): string[] {
  return [
    `UDP and TCP ${dns.addresses.join(" ")}`,
    ...(dns.tlsAddresses.length === 0 ? [] : [`TLS ${dns.tlsAddresses.join(" ")}`]),
    ...(doh ? [`HTTPS https://${rest_addr}/dns-query`] : []),
  ];
}

/** Of the database and its write-ahead log. */
function databaseBytes(config: Config): number {
  const path = databasePath(config);
  return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** What an operator must look at. Names are answered all the same, but for a secondary that has expired. */
function healthOf(forwarder: Forwarder | null, others: readonly { problems(): string[] }[]): HealthReport {
  const down = (forwarder?.upstreams ?? []).filter(({ healthy }) => !healthy);
  const reasons = down.map(({ address }) => `upstream ${address} does not reply`);
  for (const other of others) reasons.push(...other.problems());
  return { status: reasons.length === 0 ? "serving" : "degraded", reasons };
}
