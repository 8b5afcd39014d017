/** A whole Metacrypt without listeners, in a temporary folder: real database, real operations. For tests only. */
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
import { silentLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import { createRoot, type MadeIssuer, signIntermediate } from "@lib/pki/mod.ts";
import type { ServiceContext } from "@lib/service/mod.ts";
import { CaService, SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { type Config, schema } from "../config.ts";
import { type Metacrypt, openMetacrypt } from "../server.ts";

export const password = "correct horse battery";
const zone = "svc.mcp.metacircular.net";

function account(username: string, accountType: Caller["accountType"], roles: string[]): Caller {
  return { subject: `id-${username}`, username, accountType, roles, tokenId: "t" };
}

export const callers = {
  admin: account("ada", "human", ["admin"]),
  user: account("uma", "human", ["user"]),
  agent: account("mcp-agent", "system", []),
  impostor: account("mcp-agent", "human", ["user"]),
  mcq: account("mcq", "system", []),
} as const;

export interface UnderTest extends AsyncDisposable {
  folder: string;
  config: Config;
  context: ServiceContext<Config>;
  clock: FakeClock;
  metacrypt: Metacrypt;
  root: MadeIssuer;
  /** Calls an operation as gRPC and REST do, without the wire. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    caller?: Caller | null,
    remote?: string,
  ): Promise<MessageShape<O>>;
  /** Closes and opens again, as a restart does: sealed. */
  restart(): void;
  /** Initializes, makes mount `pki` and gives it an issuer signed by `root`. */
  ready(): Promise<void>;
}

/** @param toml beside `[server]` and cheap Argon2id */
export async function underTest(toml = ""): Promise<UnderTest> {
  const folder = await Deno.makeTempDir({ prefix: "metacrypt-" });
  const file = `${folder}/metacrypt.toml`;
  await Deno.writeTextFile(file, `[policy]\ncompanion_names = ["localhost", "127.0.0.1"]\n${toml}`);
  const environment: Record<string, string> = {
    METACRYPT_SEAL_ARGON2_MEMORY_KIB: "8192",
    METACRYPT_SEAL_ARGON2_PASSES: "1",
    METACRYPT_SEAL_ARGON2_PARALLELISM: "1",
  };
  const { config } = loadConfig({ schema, service: "metacrypt", file, environment: (name) => environment[name] });
  const clock = new FakeClock(Date.UTC(2026, 10, 21, 12));
  const makeContext = () => ({
    config,
    clock,
    log: silentLogger,
    metrics: new Registry(),
    name: "metacrypt",
    version: "0.0.0",
    startedAt: new Date(clock.now()),
  });
  const context = makeContext();
  const root = await createRoot({ name: "Test root", days: 3650, clock });
  const self: UnderTest = {
    folder,
    config,
    context,
    clock,
    root,
    metacrypt: openMetacrypt(context),
    async call(method, request, caller = callers.admin, remote = "127.0.0.1:50000") {
      const name = `${method.parent.typeName}.${method.name}`;
      const operation = self.metacrypt.operations.find((each) => each.name === name);
      if (operation === undefined) throw new Error(`no operation ${name}`);
      const signal = new AbortController().signal;
      const call = { caller, remote, requestId: "r", transport: "grpc" as const, signal };
      return await operation.invoke(create(method.input, request), call) as MessageShape<typeof method.output>;
    },
    restart() {
      self.metacrypt[Symbol.dispose]();
      self.metacrypt = openMetacrypt(makeContext());
    },
    async ready() {
      await self.call(SealService.method.initSeal, { password }, null);
      await self.call(CaService.method.createMount, { mount: "pki" });
      await importIssuer(self);
    },
    async [Symbol.asyncDispose]() {
      self.metacrypt[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
  return self;
}

/** Requests an issuer, signs it by the test's root and imports it. @returns its chain */
export async function importIssuer(test: UnderTest, days = 365, commonName = "Test issuer"): Promise<string> {
  const { csrPem } = await test.call(CaService.method.createIssuerRequest, { mount: "pki", commonName });
  const permitted = [zone, "localhost", "127.0.0.0/8", "example.org"];
  const chainPem = await signIntermediate(test.root, csrPem, { days, permitted, clock: test.clock });
  await test.call(CaService.method.importIssuer, { mount: "pki", chainPem });
  return chainPem;
}
