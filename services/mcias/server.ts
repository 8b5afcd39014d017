/**
 * Builds MCIAS, in reading order: store → master key → tokens and passwords → operations → API.
 * @module
 */
import type { Operation } from "@lib/contract/mod.ts";
import { unavailable } from "@lib/errors/mod.ts";
import { type RunningService, serveApi, type ServiceContext, watchDatabase } from "@lib/service/mod.ts";
import type { Config } from "./config.ts";
import { openMasterKey } from "./crypto/key_vault.ts";
import type { MasterKey } from "./crypto/master_key.ts";
import { PasswordHasher } from "./crypto/password_hasher.ts";
import { accountOperations } from "./operations/account_operations.ts";
import { auditOperations } from "./operations/audit_operations.ts";
import { authOperations } from "./operations/auth_operations.ts";
import type { Identity } from "./operations/identity.ts";
import { jwksRoute, keyOperations } from "./operations/key_operations.ts";
import { LoginAttempts } from "./operations/login_attempts.ts";
import { tokenOperations } from "./operations/token_operations.ts";
import { databaseIn, IdentityStore } from "./store/identity_store.ts";
import { TokenAuthority } from "./tokens/token_authority.ts";

/** Everything behind the API. Dispose it. */
export interface Mcias extends Identity, Disposable {
  readonly operations: Operation[];
}

const dayMs = 86_400_000;
const cleaningEveryMs = 3_600_000;
/** An expired token stays listed for so long. */
const keepExpiredMs = 90 * dayMs;

/** For snapshots and checks. */
export const databasePath = (config: Config): string => databaseIn(config.server.data_dir);

/** Opens the database, which is made when it is not there; says nothing yet about whether it was initialised. */
export function openStore({ config, clock, log }: ServiceContext<Config>): IdentityStore {
  const { data_dir } = config.server;
  Deno.mkdirSync(data_dir, { recursive: true, mode: 0o700 });
  return IdentityStore.open(data_dir, clock, log);
}

/** Hashes passwords as the config says. */
export function hasherOf({ passwords }: Config): PasswordHasher {
  return new PasswordHasher({
    cost: {
      memoryKib: passwords.argon2_memory_kib,
      passes: passwords.argon2_passes,
      lanes: passwords.argon2_lanes,
    },
    concurrent: passwords.concurrent_hashes,
    waiting: passwords.waiting_hashes,
  });
}

/**
 * The master key of an initialised database.
 * @throws PlatformError unavailable before `mcias init`, or when the key is not to be had
 */
export async function masterKeyOf(store: IdentityStore, config: Config): Promise<MasterKey> {
  const record = store.keys.masterKey();
  if (record === undefined) {
    throw unavailable("MCIAS has not been initialised: there is no signing key and no account", {
      hint: "Run: mcias init --config FILE",
    });
  }
  return await openMasterKey(config.keys, record);
}

/** Builds everything behind the API. */
export async function openMcias(context: ServiceContext<Config>, hasher = hasherOf(context.config)): Promise<Mcias> {
  const { config, clock, metrics } = context;
  const store = openStore(context);
  try {
    const master = await masterKeyOf(store, config);
    const authority = new TokenAuthority({ store, master, clock, issuer: config.tokens.issuer });

    const logins = metrics.counter("mcias_password_checks_total", "Password checks, by outcome", ["outcome"]);
    const validations = metrics.counter("mcias_token_validations_total", "ValidateToken answers", ["valid"]);
    metrics.gaugeFrom("mcias_tokens", "Tokens in memory", () => store.index.tokenCount);
    metrics.gaugeFrom("mcias_password_hashes", "Argon2id computations since the start", () => hasher.runs);

    const { account_failures, address_failures, max_wait_seconds, forget_seconds } = config.login;
    const backoff = { maxWaitSeconds: max_wait_seconds, forgetSeconds: forget_seconds };
    const attempts = new LoginAttempts({
      store,
      hasher,
      clock,
      accountRule: { free: account_failures, ...backoff },
      addressRule: { free: address_failures, ...backoff },
      onAttempt: (outcome) => logins.inc({ outcome }),
    });
    const identity: Identity = { store, authority, hasher, attempts, config, clock };
    return {
      ...identity,
      operations: [
        ...authOperations(identity),
        ...tokenOperations(identity, (valid) => validations.inc({ valid: String(valid) })),
        ...accountOperations(identity),
        ...keyOperations(authority),
        ...auditOperations(store),
      ],
      [Symbol.dispose]: () => store.close(),
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Starts the server. */
export async function startServer(context: ServiceContext<Config>, hasher?: PasswordHasher): Promise<RunningService> {
  const { config, log } = context;
  await using stack = new AsyncDisposableStack();
  const mcias = stack.use(await openMcias(context, hasher));
  const { store, authority, operations } = mcias;
  stack.use(watchDatabase(store.db, () => store.reload(), log));
  clean(store, config);
  const cleaning = setInterval(() => {
    try {
      clean(store, config);
    } catch (error) {
      log.error("cannot remove expired rows; trying again in an hour", { error });
    }
  }, cleaningEveryMs);
  stack.defer(() => clearInterval(cleaning));

  const health = () => ({ status: "serving" as const, reasons: [] });
  stack.use(
    await serveApi({ context, operations, authenticate: authority.check, health, routes: jwksRoute(authority) }),
  );
  const started = stack.move();
  return { health, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** Removes what nobody will ask for: long-expired tokens, forgotten failures. */
export function clean(store: IdentityStore, config: Config): void {
  store.write(({ at, tokens, failures }) => {
    tokens.prune(at - keepExpiredMs);
    failures.prune(at - config.login.forget_seconds * 1000);
    store.index.prune(at);
  });
}
