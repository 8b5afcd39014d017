/**
 * The services that every gRPC server is expected to have: health (for probes and
 * load balancers) and reflection (for grpcurl and the like), from descriptors alone.
 * Both are open to anyone: they say whether the process serves and what its public
 * contract is, nothing about its data.
 */
import {
  type DescFile,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { PlatformError } from "@lib/errors/mod.ts";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "@proto/grpc/health/v1/health_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "@proto/grpc/reflection/v1/reflection_pb.ts";
import { decodeRequest, encode, methodPath } from "./definition.ts";
import type { ServeCall, ServerCall } from "./server_call.ts";
import { statusCodes } from "./wire_status.ts";

/** grpc.health.v1: one status for the server and all of its services. */
export class HealthStatus {
  readonly #names: Set<string>;
  /** Each wakes a watch. */
  readonly #watches = new Set<() => void>();
  #serving = true;
  #ended = false;

  constructor(services: readonly DescService[]) {
    this.#names = new Set(["", ...services.map((service) => service.typeName)]);
  }

  /** Its RPCs, by path. */
  get methods(): [string, ServeCall][] {
    const { check, watch } = Health.method;
    return [
      [methodPath(check), (call) => this.#check(call)],
      [methodPath(watch), (call) => this.#watch(call)],
    ];
  }

  /** Tells probes and watchers. */
  setServing(serving: boolean): void {
    this.#serving = serving;
    this.#wake();
  }

  /** Ends the watches, which would hold up a drain for as long as the watchers like. */
  endWatches(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#watches) wake();
  }

  #status(name: string): ServingStatus {
    if (!this.#names.has(name)) return ServingStatus.SERVICE_UNKNOWN;
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  async #check(call: ServerCall): Promise<void> {
    const name = await serviceOf(call);
    if (!this.#names.has(name)) throw new PlatformError("not_found", `No service ${name}`);
    void call.send(encode(HealthCheckResponseSchema, { status: this.#status(name) }));
    call.end();
  }

  /** A watcher that is slow to read hears of the latest status, not of all. */
  async #watch(call: ServerCall): Promise<void> {
    const name = await serviceOf(call);
    let changed = Promise.withResolvers<void>();
    const wake = () => changed.resolve();
    this.#watches.add(wake);
    call.signal.addEventListener("abort", wake);
    try {
      let told: ServingStatus | null = null;
      while (!call.signal.aborted) {
        changed = Promise.withResolvers();
        const status = this.#status(name);
        if (status !== told) await call.send(encode(HealthCheckResponseSchema, { status }));
        else if (this.#ended) break;
        else await changed.promise;
        told = status;
      }
      call.end();
    } finally {
      this.#watches.delete(wake);
    }
  }
}

async function serviceOf(call: ServerCall): Promise<string> {
  const request = decodeRequest(HealthCheckRequestSchema, await call.onlyMessage());
  return (request as MessageShape<typeof HealthCheckRequestSchema>).service;
}

/** The RPC of grpc.reflection.v1 for these services and the standard ones, by its path. */
export function reflection(services: readonly DescService[]): [string, ServeCall] {
  const all = [...services, Health, ServerReflection];
  const files = new Map<string, DescFile>();
  for (const service of all) closure(service.file, files);
  const bySymbol = symbolsOf(files.values());
  const serve = async (call: ServerCall) => {
    for (let bytes = await call.next(); bytes !== null; bytes = await call.next()) {
      const request = decodeRequest(ServerReflectionRequestSchema, bytes) as ServerReflectionRequest;
      const messageResponse = answer(request.messageRequest, all, files, bySymbol);
      const response = { validHost: request.host, originalRequest: request, messageResponse };
      await call.send(encode(ServerReflectionResponseSchema, response));
    }
    call.end();
  };
  return [methodPath(ServerReflection.method.serverReflectionInfo), serve];
}

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

function answer(
  question: ServerReflectionRequest["messageRequest"],
  services: readonly DescService[],
  files: ReadonlyMap<string, DescFile>,
  bySymbol: ReadonlyMap<string, DescFile>,
): Answer {
  if (question.case === "listServices") {
    return {
      case: "listServicesResponse",
      value: { service: services.map((service) => ({ name: service.typeName })) },
    };
  }
  const file = question.case === "fileByFilename"
    ? files.get(question.value)
    : question.case === "fileContainingSymbol"
    ? bySymbol.get(question.value)
    : undefined;
  if (file === undefined) {
    return { case: "errorResponse", value: { errorCode: statusCodes.notFound, errorMessage: "Not found" } };
  }
  const needed = [...closure(file, new Map()).values()];
  const fileDescriptorProto = needed.map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/** The file and everything that it imports, by file name. */
function closure(file: DescFile, into: Map<string, DescFile>): Map<string, DescFile> {
  if (into.has(file.proto.name)) return into;
  into.set(file.proto.name, file);
  for (const dependency of file.dependencies) closure(dependency, into);
  return into;
}

function symbolsOf(files: Iterable<DescFile>): Map<string, DescFile> {
  const symbols = new Map<string, DescFile>();
  for (const file of files) {
    for (const { typeName } of [...file.messages, ...file.enums, ...file.extensions]) symbols.set(typeName, file);
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
  }
  return symbols;
}
