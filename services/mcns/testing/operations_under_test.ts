/** Operations on a real store, called as REST and gRPC call them: access check, then handler. */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromJson,
  type JsonValue,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Caller } from "@lib/auth/mod.ts";
import type { Operation } from "@lib/contract/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { ClientNetworks } from "../dns/client_networks.ts";
import { Counters } from "../dns/counters.ts";
import type { Forwarder } from "../dns/forward/forwarder.ts";
import { explainingAnswers } from "../dns/open_answers.ts";
import { QueryLog } from "../dns/query_log.ts";
import { openDnssec } from "../dnssec/open_dnssec.ts";
import { openTransfers, type Transfers } from "../dns/transfer/open_transfers.ts";
import { adminOperations } from "../operations/admin_operations.ts";
import { authOperations } from "../operations/auth_operations.ts";
import { dnssecOperations } from "../operations/dnssec_operations.ts";
import { PointerRecords } from "../operations/pointer_records.ts";
import { recordOperations } from "../operations/record_operations.ts";
import { transferOperations } from "../operations/transfer_operations.ts";
import { tsigOperations } from "../operations/tsig_operations.ts";
import { zoneOperations } from "../operations/zone_operations.ts";
import { DnssecKeyStore } from "../store/dnssec_key_store.ts";
import { KeyVault } from "../store/key_vault.ts";
import { transferStores } from "../store/transfer_stores.ts";
import { type StoreOptions, type StoreUnderTest, storeUnderTest, zoneName } from "./temp_store.ts";

const account = (username: string, accountType: Caller["accountType"], roles: string[] = []): Caller => ({
  subject: `id-${username}`,
  username,
  accountType,
  roles,
  tokenId: "t",
});

/** Who calls in tests. */
export const callers = {
  admin: account("ada", "human", ["admin"]),
  user: account("uma", "human", ["user"]),
  guest: account("gus", "human", ["guest"]),
  agent: account("mcp-agent", "system"),
  mcq: account("mcq", "system"),
};

export const serviceZone = "svc.mcp.metacircular.net";
export const rights = { serviceZone: zoneName(serviceZone), agentAccount: "mcp-agent" };

/** Calls operations by their method. */
export class OperationCalls {
  readonly #operations: readonly Operation[];

  constructor(operations: readonly Operation[]) {
    this.#operations = operations;
  }

  /** As an admin, unless somebody else is named; null is nobody. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    caller: Caller | null = callers.admin,
  ): Promise<MessageShape<O>> {
    return await this.#invoke(method, create(method.input, request), caller) as MessageShape<O>;
  }

  /** The same with any method and JSON, for tables. */
  async send(method: DescMethod, request: JsonValue, caller: Caller | null = callers.admin): Promise<Message> {
    return await this.#invoke(method, fromJson(method.input, request), caller);
  }

  /** How a call ends: "ok" or the error's code. */
  async codeOf(method: DescMethod, request: JsonValue, caller: Caller | null = callers.admin): Promise<string> {
    try {
      await this.send(method, request, caller);
      return "ok";
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  /** What a streaming method yields, until `signal` aborts. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: { readonly input: I; readonly output: O } & DescMethod,
    request: MessageInitShape<I>,
    signal: AbortSignal,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const call = { caller: callers.admin, remote: "127.0.0.1", requestId: "r", transport: "rest" as const, signal };
    for await (const message of this.#find(method).stream(create(method.input, request), call)) {
      yield message as MessageShape<O>;
    }
  }

  #find(method: DescMethod): Operation {
    return this.#operations.find(({ name }) => name === `${method.parent.typeName}.${method.name}`)!;
  }

  #invoke(method: DescMethod, request: Message, caller: Caller | null): Promise<Message> {
    const { signal } = new AbortController();
    return this.#find(method).invoke(request, {
      caller,
      remote: "127.0.0.1",
      requestId: "r",
      transport: "rest",
      signal,
    });
  }
}

export interface OperationsUnderTest extends AsyncDisposable {
  readonly store: StoreUnderTest;
  readonly calls: OperationCalls;
  readonly counters: Counters;
  readonly queries: QueryLog;
  readonly transfers: Transfers;
}

export interface OperationsOptions extends StoreOptions {
  /** For names of other zones, for clients in 127.0.0.0/8; default none. */
  forwarder?: Forwarder | null;
}

/** All operations. Other servers are neither asked nor told, and nothing happens by itself. */
export async function operationsUnderTest(options: OperationsOptions = {}): Promise<OperationsUnderTest> {
  const { forwarder = null } = options;
  const store = await storeUnderTest(options);
  const { db, zones, records, changes, files, editor, audit, views, clock } = store;
  const log = silentLogger;
  const vault = KeyVault.open(`${store.path}.key`);
  const stores = transferStores(db, audit, vault, silentLogger);
  const dnssec = openDnssec({ store: new DnssecKeyStore(db, vault), editor, zones: views.general, clock, log });
  const transfers = openTransfers({
    ...{ zones, editor, stores, clock, log },
    ...{ sources: [], tlsCa: "", maxZoneBytes: 1_000_000 },
  });
  const counters = new Counters();
  const queries = new QueryLog({ sample: 0, now: () => clock.now(), write: () => {} });
  const forwardFor = new ClientNetworks(["127.0.0.0/8"]);
  const answers = explainingAnswers({
    ...{ views, forwarder, forwardFor, special: null, counters: new Counters(), clock, log },
  });
  const operations = [
    ...zoneOperations({ zones, editor, changes, files, transfers: transfers.control, rights }),
    ...recordOperations({ records, pointers: new PointerRecords(zones, editor), editor, rights, clock }),
    ...transferOperations(transfers.control),
    ...tsigOperations(stores.keys),
    ...dnssecOperations(dnssec.control),
    ...adminOperations({
      ...{ zones, counters, forwarder, queries, audit, log },
      exchanged: transfers.counters,
      explaining: { views, answers, forwarder, forwardFor },
      startedAt: new Date(clock.now()),
    }),
    ...authOperations(rights),
  ];
  return {
    store,
    counters,
    queries,
    transfers,
    calls: new OperationCalls(operations),
    async [Symbol.asyncDispose]() {
      await dnssec[Symbol.asyncDispose]();
      await transfers[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
