/**
 * A service's operations called from inside its own process, as its web pages do: typed like the gRPC client, with the
 * access check, the error handling and the log of the other transports, and without encoding.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Logger } from "@lib/log/mod.ts";
import type { Call } from "./call.ts";
import { CallRecord, type Observe } from "./observation.ts";
import { type Operation, operationName } from "./operation.ts";

type Unary = { methodKind: "unary"; input: DescMessage; output: DescMessage };
type ServerStreaming = { methodKind: "server_streaming"; input: DescMessage; output: DescMessage };

type LocalMethod<M> = M extends Unary ? (request: MessageInitShape<M["input"]>) => Promise<MessageShape<M["output"]>>
  : M extends ServerStreaming
    ? (request: MessageInitShape<M["input"]>) => AsyncGenerator<MessageShape<M["output"]>, void, undefined>
  : never;

/** One function per RPC; every failure is a `PlatformError`. */
export type LocalClient<S extends DescService> = { [K in keyof S["method"]]: LocalMethod<S["method"][K]> };

export interface LocalOptions {
  /** Gets what must not be shown to callers. */
  log: Logger;
  observe?: Observe;
}

/**
 * The service's operations on behalf of `call`'s caller. A call of an RPC that `operations` lacks throws an `Error`
 * with its name.
 */
export function localClient<S extends DescService>(
  service: S,
  operations: readonly Operation[],
  call: Call,
  options: LocalOptions,
): LocalClient<S> {
  const client: Record<string, unknown> = {};
  for (const method of service.methods) {
    client[method.localName] = method.methodKind === "server_streaming"
      ? (request: unknown) => stream(operationOf(method, operations), request, call, options)
      : (request: unknown) => unary(operationOf(method, operations), request, call, options);
  }
  return client as unknown as LocalClient<S>;
}

function operationOf(method: DescMethod, operations: readonly Operation[]): Operation {
  const operation = operations.find((one) => one.method === method);
  if (operation === undefined) throw new Error(`${operationName(method)} is not among the operations of this process`);
  return operation;
}

const messageFor = ({ method }: Operation, init: unknown): Message =>
  create(method.input, init as MessageInitShape<DescMessage>);

async function unary(operation: Operation, request: unknown, call: Call, { log, observe }: LocalOptions) {
  const record = new CallRecord(operation.name, call, log, observe);
  try {
    const answer = await operation.invoke(messageFor(operation, request), call);
    record.ended();
    return answer;
  } catch (error) {
    throw record.failed(error);
  }
}

async function* stream(operation: Operation, request: unknown, call: Call, { log, observe }: LocalOptions) {
  const record = new CallRecord(operation.name, call, log, observe);
  try {
    yield* operation.stream(messageFor(operation, request), call);
  } catch (error) {
    throw record.failed(error);
  } finally {
    record.ended();
  }
}
