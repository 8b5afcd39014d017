/** A whole MCIAS without listeners, in a temporary folder: real database, real operations, cheap hashes. For tests only. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Caller } from "@lib/auth/mod.ts";
import { FakeClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { createLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import type { ServiceContext } from "@lib/service/mod.ts";
import { AuthService } from "@proto/mcias/v1/mcias_pb.ts";
import { type Config, schema } from "../config.ts";
import { PasswordHasher } from "../crypto/password_hasher.ts";
import { type Mcias, openMcias } from "../server.ts";
import { init } from "../verbs/init.ts";

export const adminPassword = "tangerine walrus opera";

/** Far below what the config takes: a hash costs a fraction of a millisecond. */
export function cheapHasher(): PasswordHasher {
  return new PasswordHasher({ cost: { memoryKib: 64, passes: 1, lanes: 1 }, concurrent: 2, waiting: 64 });
}

export interface UnderTest extends Disposable {
  readonly folder: string;
  readonly context: ServiceContext<Config>;
  readonly clock: FakeClock;
  readonly hasher: PasswordHasher;
  /** Every log line so far. */
  readonly logLines: string[];
  mcias: Mcias;
  /** Calls an operation as gRPC and REST do, without the wire. @param who a token, or null for nobody */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    who?: string | null,
    remote?: string,
  ): Promise<MessageShape<O>>;
  /** Logs in and gives the token. */
  login(username?: string, password?: string): Promise<string>;
  /** A second MCIAS on the same database, as during a hot restart. */
  another(hasher?: PasswordHasher): Promise<Mcias>;
  /** Closes and opens again, as a restart does. */
  restart(hasher?: PasswordHasher): Promise<void>;
}

/** A context whose `[server] data_dir` is `<folder>/data`. @param toml beside the keys */
export function contextIn(folder: string, toml = "", logLines: string[] = []): ServiceContext<Config> & {
  clock: FakeClock;
} {
  const file = `${folder}/mcias.toml`;
  if (!toml.includes("[keys]")) toml += `\n[keys]\nmaster_key_file = "data/master.key"\n`;
  Deno.writeTextFileSync(file, toml);
  const { config } = loadConfig({ schema, service: "mcias", file, environment: () => undefined });
  const clock = new FakeClock(Date.UTC(2026, 10, 21, 12));
  return {
    config,
    clock,
    log: createLogger({ service: "mcias", level: "debug", clock, write: (line) => logLines.push(line) }),
    metrics: new Registry(),
    name: "mcias",
    version: "0.0.0",
    startedAt: new Date(clock.now()),
  };
}

/** An initialised MCIAS with the admin "ada". @param toml its config beside the keys */
export async function underTest(toml = ""): Promise<UnderTest> {
  const folder = Deno.makeTempDirSync({ prefix: "mcias-" });
  const logLines: string[] = [];
  const context = contextIn(folder, toml, logLines);
  const hasher = cheapHasher();
  Deno.mkdirSync(`${folder}/data`);
  Deno.writeTextFileSync(`${folder}/data/password`, `${adminPassword}\n`);
  await init(context, { admin: "ada", "admin-password-file": "password" }, hasher, () => {});
  Deno.removeSync(`${folder}/data/password`);
  const self: UnderTest = {
    folder,
    context,
    clock: context.clock,
    hasher,
    logLines,
    mcias: await openMcias(context, hasher),
    async call(method, request, who = null, remote = "127.0.0.1") {
      const name = `${method.parent.typeName}.${method.name}`;
      const operation = self.mcias.operations.find((each) => each.name === name);
      if (operation === undefined) throw new Error(`no operation ${name}`);
      const caller: Caller | null = who === null ? null : await self.mcias.authority.check(who);
      const { signal } = new AbortController();
      const call = { caller, remote, requestId: "r", transport: "grpc" as const, signal };
      return await operation.invoke(create(method.input, request), call) as MessageShape<typeof method.output>;
    },
    async login(username = "ada", password = adminPassword) {
      return (await self.call(AuthService.method.login, { username, password })).token;
    },
    another: (other = hasher) => openMcias({ ...context, metrics: new Registry() }, other),
    async restart(other) {
      self.mcias[Symbol.dispose]();
      self.mcias = await self.another(other);
    },
    [Symbol.dispose]() {
      self.mcias[Symbol.dispose]();
      Deno.removeSync(folder, { recursive: true });
    },
  };
  return self;
}
