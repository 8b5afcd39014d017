/**
 * From a generated service and one typed handler per RPC to operations that any
 * transport can serve. An RPC that declares no access or no REST binding, or has
 * no handler, does not start.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { PlatformError } from "@lib/errors/mod.ts";
import {
  Access,
  access as accessOption,
  max_request_bytes as maxRequestBytesOption,
  rest as restOption,
  takes_scopes as takesScopesOption,
} from "@proto/metacircular/options_pb.ts";
import { type AccessRule, checkAccess } from "./access.ts";
import { parseBinding, type RestBinding } from "./binding.ts";
import type { Call } from "./call.ts";

/** 1 MiB. The largest legitimate bodies are service definitions and certificate chains, some tens of KiB. */
export const maxBodyBytes = 1024 * 1024;

type Unary = { methodKind: "unary"; input: DescMessage; output: DescMessage };
type ServerStreaming = { methodKind: "server_streaming"; input: DescMessage; output: DescMessage };

/**
 * A handler's type: plain objects in the shape of the response will do. What a streaming handler yields just before it
 * throws may not reach a gRPC client (the error overtakes it): say what matters in the error too.
 */
export type Handler<M> = M extends Unary ? (
    request: MessageShape<M["input"]>,
    call: Call,
  ) => Promise<MessageInitShape<M["output"]>> | MessageInitShape<M["output"]>
  : M extends ServerStreaming
    ? (request: MessageShape<M["input"]>, call: Call) => AsyncIterable<MessageInitShape<M["output"]>>
  : never;

/** One handler per RPC of the service, under its lowerCamelCase name. */
export type Handlers<S extends DescService> = { [K in keyof S["method"]]: Handler<S["method"][K]> };

/** One RPC, ready to be served. */
export interface Operation extends AccessRule {
  readonly method: DescMethod;
  readonly rest: RestBinding;
  /** Of the body of a REST request. */
  readonly maxRequestBytes: number;
  readonly streaming: boolean;
  /** Checks access and calls the handler. For operations that are not streaming. */
  invoke(request: Message, call: Call): Promise<Message>;
  /** Checks access and iterates the handler's messages. For streaming operations. */
  stream(request: Message, call: Call): AsyncGenerator<Message, void, undefined>;
}

type LooseHandler = (request: Message, call: Call) => unknown;

/**
 * Binds handlers to a generated service. Throws an `Error` that names the RPC when it lacks its access or rest option
 * or a handler, when its path names a field the request doesn't have, or when it takes a stream.
 */
export function implement<S extends DescService>(service: S, handlers: Handlers<S>): Operation[] {
  return service.methods.map((method) => {
    // The mapped type can't be indexed while S is open; `Handlers` has checked the shape at the call.
    const handler = (handlers as unknown as Record<string, LooseHandler | undefined>)[method.localName];
    if (typeof handler !== "function") throw new Error(`${operationName(method)} has no handler`);
    return bind(method, handler.bind(handlers));
  });
}

/** "mcns.v1.ZoneService.CreateZone" */
export const operationName = (method: DescMethod): string => `${method.parent.typeName}.${method.name}`;

function bind(method: DescMethod, handler: LooseHandler): Operation {
  const name = operationName(method);
  const access = hasOption(method, accessOption) ? getOption(method, accessOption) : Access.UNSPECIFIED;
  if (access === Access.UNSPECIFIED) throw new Error(`${name} declares no access; add option (metacircular.access)`);
  if (!hasOption(method, restOption)) {
    throw new Error(`${name} declares no REST binding; add option (metacircular.rest)`);
  }
  const rest = parseBinding(method, getOption(method, restOption));
  if (method.methodKind !== "unary" && method.methodKind !== "server_streaming") {
    throw new Error(
      `${name} takes a stream (${method.methodKind}); only unary and server-streaming RPCs have a REST form`,
    );
  }
  const streaming = method.methodKind === "server_streaming";
  if (streaming && method.output.fields.some((field) => field.name === "error")) {
    throw new Error(`${name}: a streamed message can't have a field "error"; over REST that line ends a failed stream`);
  }
  const rule: AccessRule = {
    name,
    access,
    takesScopes: hasOption(method, takesScopesOption) && getOption(method, takesScopesOption),
  };
  const output = (init: unknown): Message => create(method.output, init as MessageInitShape<DescMessage>);
  return {
    ...rule,
    method,
    rest,
    maxRequestBytes: hasOption(method, maxRequestBytesOption) ? getOption(method, maxRequestBytesOption) : maxBodyBytes,
    streaming,
    async invoke(request, call) {
      if (streaming) throw new PlatformError("internal", `${name} answers with a stream`);
      checkAccess(rule, call.caller);
      return output(await handler(request, call));
    },
    async *stream(request, call) {
      if (!streaming) throw new PlatformError("internal", `${name} answers with one message`);
      checkAccess(rule, call.caller);
      for await (const message of handler(request, call) as AsyncIterable<unknown>) {
        yield output(message);
      }
    },
  };
}
