/**
 * Builds Metacrypt, in reading order: database → stores → barrier and seal → engine → policy → API.
 * @module
 */
import { AuditLog } from "@lib/audit/mod.ts";
import type { Authenticate } from "@lib/auth/mod.ts";
import type { Operation } from "@lib/contract/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import { RuleTable } from "@lib/policy/mod.ts";
import {
  type HealthReport,
  type RunningService,
  serveApi,
  type ServiceContext,
  serviceVerifier,
  watchDatabase,
} from "@lib/service/mod.ts";
import { Barrier } from "./barrier/barrier.ts";
import { Seal } from "./barrier/seal.ts";
import { Certificates } from "./ca/certificates.ts";
import { Issuers } from "./ca/issuers.ts";
import type { Config } from "./config.ts";
import { UnsealAttempts } from "./domain/unseal_attempts.ts";
import { auditOperations } from "./operations/audit_operations.ts";
import { Authorisation } from "./operations/authorisation.ts";
import { caOperations } from "./operations/ca_operations.ts";
import { policyOperations } from "./operations/policy_operations.ts";
import { seedRules } from "./operations/policy_seeds.ts";
import { sealOperations } from "./operations/seal_operations.ts";
import { CertificateStore } from "./store/certificate_store.ts";
import { migrations } from "./store/migrations.ts";
import { MountStore } from "./store/mount_store.ts";
import { SealStore } from "./store/seal_store.ts";

/** What the server and the offline verbs share. Dispose it. */
export interface Metacrypt extends Disposable {
  db: Database;
  seal: Seal;
  issuers: Issuers;
  operations: Operation[];
  health(): HealthReport;
}

/** The database file, for `snapshot` too. */
export const databasePath = (config: Config): string => `${config.server.data_dir}/metacrypt.db`;

/** Opens the database and builds everything behind the API; sealed. */
export function openMetacrypt(context: ServiceContext<Config>): Metacrypt {
  const { config, clock, log, metrics } = context;
  const now = () => clock.now();
  const seeds = seedRules(config.policy);
  Deno.mkdirSync(config.server.data_dir, { recursive: true, mode: 0o700 });
  // full: a certificate handed out, or a revocation acknowledged, must survive a power cut.
  const db = openDatabase({ path: databasePath(config), migrations, durability: "full", clock, log });
  try {
    const audit = new AuditLog(db);
    const rules = new RuleTable(db);
    db.write((at) => rules.seed(seeds, at));

    const barrier = new Barrier();
    const { auto_unseal_key_file: keyFile, ...argon2 } = config.seal;
    const cost = {
      memoryKib: argon2.argon2_memory_kib,
      passes: argon2.argon2_passes,
      parallelism: argon2.argon2_parallelism,
    };
    const attempts = new UnsealAttempts(clock);
    const seal = new Seal({ db, store: new SealStore(db), audit, barrier, attempts, log, keyFile, cost });

    const issuers = new Issuers({ db, store: new MountStore(db), audit, barrier, now });
    const certificates = new Certificates({
      db,
      store: new CertificateStore(db),
      audit,
      barrier,
      issuers,
      maxTtlSeconds: config.ca.max_ttl_seconds,
      now,
    });
    const authorisation = new Authorisation({ db, rules, audit });

    const issued = metrics.counter("metacrypt_certificates_issued_total", "Certificates committed, by mount", [
      "mount",
    ]);
    metrics.gaugeFrom("metacrypt_sealed", "1 while sealed or uninitialized", () => barrier.isOpen ? 0 : 1);
    const operations = [
      ...sealOperations(seal),
      ...caOperations({ issuers, certificates, authorisation, onIssued: (mount) => issued.inc({ mount }) }),
      ...policyOperations(db, rules, audit),
      ...auditOperations(audit),
    ];
    return {
      db,
      seal,
      issuers,
      operations,
      health: () => healthOf(seal),
      [Symbol.dispose]() {
        barrier.close();
        db.close();
      },
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

function healthOf(seal: Seal): HealthReport {
  switch (seal.state()) {
    case "unsealed":
      return { status: "serving", reasons: [], sealed: false };
    case "sealed":
      return { status: "degraded", reasons: ["sealed: unseal it with its password"], sealed: true };
    case "uninitialized":
      return { status: "degraded", reasons: ["never initialized: metacrypt init"], sealed: true };
  }
}

/** Starts the server; `authenticate` is MCIAS's word unless a test gives another. */
export async function startServer(
  context: ServiceContext<Config>,
  authenticate?: Authenticate,
): Promise<RunningService> {
  await using stack = new AsyncDisposableStack();
  const metacrypt = stack.use(openMetacrypt(context));
  const { db, seal } = metacrypt;
  await seal.autoUnseal();

  // Another process: `metacrypt init` beside a server that waits for it, or the other one of a hot restart.
  let opening: Promise<unknown> | null = null;
  let waiting = seal.state() === "uninitialized";
  const changed = () => {
    seal.reload();
    if (waiting && seal.state() !== "uninitialized") {
      waiting = false;
      opening = seal.autoUnseal();
    }
  };
  stack.defer(async () => void await opening);
  stack.use(watchDatabase(db, changed, context.log));

  const verify = authenticate ?? stack.use(serviceVerifier(context)).verify;
  const { operations, health } = metacrypt;
  stack.use(await serveApi({ context, operations, authenticate: verify, health }));
  context.log.info("metacrypt", { state: seal.state(), auto_unseal: seal.autoUnseals() });
  const started = stack.move();
  return {
    health,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
