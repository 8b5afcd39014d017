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
import { authOperations } from "../operations/auth_operations.ts";
import { PointerRecords } from "../operations/pointer_records.ts";
import { recordOperations } from "../operations/record_operations.ts";
import { type ZoneFiles, zoneOperations } from "../operations/zone_operations.ts";
import type { TransferControl } from "../operations/transfer_control.ts";
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

  #invoke(method: DescMethod, request: Message, caller: Caller | null): Promise<Message> {
    const operation = this.#operations.find(({ name }) => name === `${method.parent.typeName}.${method.name}`)!;
    const { signal } = new AbortController();
    return operation.invoke(request, { caller, remote: "127.0.0.1", requestId: "r", transport: "rest", signal });
  }
}

export interface OperationsUnderTest extends AsyncDisposable {
  readonly store: StoreUnderTest;
  readonly calls: OperationCalls;
}

/** Zones, records and history. */
export async function operationsUnderTest(options: StoreOptions = {}): Promise<OperationsUnderTest> {
  const store = await storeUnderTest(options);
  const { zones, records, changes, editor, clock } = store;
  const pointers = new PointerRecords(zones, editor);
  const operations = [
    ...zoneOperations({ zones, editor, changes, rights, files: {} as ZoneFiles, transfers: {} as TransferControl }),
    ...recordOperations({ records, pointers, editor, rights, clock }),
    ...authOperations(rights),
  ];
  return {
    store,
    calls: new OperationCalls(operations),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
