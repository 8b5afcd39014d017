/** Builds the service, in the order in which its parts need each other. Undoing goes the other way. */
import { join } from "node:path";
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import { RuleTable, ruleTableMigration } from "@lib/policy/mod.ts";
import { type RunningService, serveApi, type ServiceContext, serviceVerifier } from "@lib/service/mod.ts";
import type { Config } from "./config.ts";
import { type Identity, mciasIdentity } from "./oci/identity.ts";
import { Registry } from "./oci/registry.ts";
import { RegistryTokens } from "./oci/registry_token.ts";
import { mcrOperations } from "./operations.ts";
import { seedRules } from "./policy.ts";
import { BlobFiles } from "./store/blob_files.ts";
import { BlobStore } from "./store/blob_store.ts";
import { ManifestStore } from "./store/manifest_store.ts";
import registrySql from "./store/migrations/001_registry.sql" with { type: "text" };
import { RepositoryStore } from "./store/repository_store.ts";
import { loadSigningKey } from "./store/signing_key.ts";
import type { Stores } from "./store/stores.ts";
import { TagStore } from "./store/tag_store.ts";
import { expireUploads } from "./store/upload_expiry.ts";
import { UploadFiles } from "./store/upload_files.ts";
import { UploadStore } from "./store/upload_store.ts";

/** Abandoned uploads are looked for this often. */
const expiryEveryMs = 3_600_000;

export function databasePath(config: Config): string {
  return join(config.server.data_dir, "mcr.db");
}

/** A started MCR, with the addresses that it has got (where a port was 0). */
export interface RunningMcr extends RunningService {
  readonly restAddress: string;
  readonly grpcAddress: string;
}

/** Starts the registry with MCIAS for its logins. */
export async function startServer(context: ServiceContext<Config>): Promise<RunningMcr> {
  const { address, server_name, ca_cert } = context.config.mcias;
  await using stack = new AsyncDisposableStack();
  const verifier = stack.use(serviceVerifier(context));
  const identity = stack.use(mciasIdentity({
    address,
    serverName: server_name,
    ca: Deno.readTextFileSync(ca_cert),
    verify: verifier.verify,
  }));
  const started = stack.use(await startRegistry(context, identity));
  const running = stack.move();
  return {
    restAddress: started.restAddress,
    grpcAddress: started.grpcAddress,
    health: () => started.health(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Starts the registry with this identity provider. */
export async function startRegistry(context: ServiceContext<Config>, identity: Identity): Promise<RunningMcr> {
  const { config, log, clock, metrics } = context;
  await using stack = new AsyncDisposableStack();

  const db = stack.use(openDatabase({
    path: databasePath(config),
    migrations: [auditMigration, ruleTableMigration, { name: "001_registry", sql: registrySql }],
    // A push that was acknowledged must survive a power cut.
    durability: "full",
    clock,
    log,
  }));
  const stores = openStores(db, config);
  const seeded = stores.write((at) => stores.rules.seed(seedRules, at));
  if (seeded.length > 0) log.info("policy rules seeded", { rules: seeded.map(({ id }) => id) });

  const expire = async () => {
    const dropped = await expireUploads(stores, clock.now() - config.storage.upload_idle_seconds * 1000);
    if (dropped > 0) log.info("abandoned uploads dropped", { dropped });
  };
  await expire();
  let expiring: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    expiring = expire().catch((error) => log.error("cannot drop abandoned uploads", { error }));
  }, expiryEveryMs);
  stack.defer(async () => {
    clearInterval(timer);
    await expiring;
  });

  const tokens = new RegistryTokens({
    key: await loadSigningKey(join(config.server.data_dir, "token-key.jwk")),
    service: config.tokens.service,
    ttlSeconds: config.tokens.ttl_seconds,
    clock,
  });
  const registry = new Registry({ stores, identity, tokens, service: config.tokens.service, log, metrics });
  metrics.gaugeFrom("mcr_blobs", "Blobs", () => stores.blobs.totals().count);
  metrics.gaugeFrom("mcr_blob_bytes", "Bytes of all blobs", () => stores.blobs.totals().bytes);
  metrics.gaugeFrom("mcr_repositories", "Repositories", () => stores.repositories.count());
  metrics.gaugeFrom("mcr_uploads", "Uploads in progress", () => stores.uploads.count());

  const health = () => ({ status: "serving" as const, reasons: [] });
  const api = stack.use(
    await serveApi({
      context,
      operations: mcrOperations(stores),
      authenticate: identity.verify,
      health,
      routes: registry.answer,
    }),
  );
  const running = stack.move();
  return {
    restAddress: api.restAddress,
    grpcAddress: api.grpcAddress,
    health,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The stores over a database and the data folder's blobs. */
export function openStores(db: Database, config: Pick<Config, "server" | "storage">): Stores {
  const folder = (name: string) => {
    const path = join(config.server.data_dir, name);
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const blobFiles = new BlobFiles(folder("layers"));
  return {
    write: (work) => db.write(work),
    repositories: new RepositoryStore(db),
    manifests: new ManifestStore(db),
    tags: new TagStore(db),
    blobs: new BlobStore(db),
    uploads: new UploadStore(db),
    rules: new RuleTable(db),
    audit: new AuditLog(db),
    blobFiles,
    uploadFiles: new UploadFiles(folder("uploads"), blobFiles, config.storage.max_blob_bytes),
  };
}
