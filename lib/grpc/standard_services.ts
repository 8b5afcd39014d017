/**
 * The services that every gRPC server is expected to have: health (for probes and
 * load balancers) and reflection (for grpcurl and the like), from descriptors alone.
 * Both are open to anyone: they say whether the process serves and what its public
 * contract is, nothing about its data.
 */
import {
  type sendUnaryData,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import {
  type DescFile,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Buffer } from "node:buffer";
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
import { decode, encode, methodDefinition } from "./definition.ts";

type Watcher = ServerWritableStream<Buffer, Buffer>;

/** grpc.health.v1: one status for the server and all of its services. */
export class HealthStatus {
  readonly #names: Set<string>;
  readonly #watchers = new Set<Watcher>();
  #serving = true;

  constructor(server: Server, services: readonly DescService[]) {
    this.#names = new Set(["", ...services.map((service) => service.typeName)]);
    const { check, watch } = Health.method;
    server.addService({ check: methodDefinition(check), watch: methodDefinition(watch) }, {
      check: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        const name = serviceOf(call.request);
        if (!this.#names.has(name)) return done({ code: status.NOT_FOUND, details: `No service ${name}` });
        done(null, encode(HealthCheckResponseSchema, { status: this.#status(name) }));
      },
      watch: (call: Watcher) => this.#watch(call),
    });
  }

  /** Tells probes and watchers. */
  setServing(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const watcher of this.#watchers) this.#tell(watcher);
  }

  /** Ends the watches, which would hold up a drain for as long as the watchers like. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers.clear();
  }

  #status(name: string): ServingStatus {
    if (!this.#names.has(name)) return ServingStatus.SERVICE_UNKNOWN;
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  #watch(call: Watcher): void {
    call.on("error", () => {});
    call.on("cancelled", () => this.#watchers.delete(call));
    this.#watchers.add(call);
    this.#tell(call);
  }

  #tell(watcher: Watcher): void {
    watcher.write(encode(HealthCheckResponseSchema, { status: this.#status(serviceOf(watcher.request)) }));
  }
}

function serviceOf(request: Buffer): string {
  return (decode(HealthCheckRequestSchema, request) as MessageShape<typeof HealthCheckRequestSchema>).service;
}

/** Adds grpc.reflection.v1 for these services and the standard ones. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const all = [...services, Health, ServerReflection];
  const files = new Map<string, DescFile>();
  for (const service of all) closure(service.file, files);
  const bySymbol = symbolsOf(files.values());
  const { serverReflectionInfo } = ServerReflection.method;
  server.addService({ serverReflectionInfo: methodDefinition(serverReflectionInfo) }, {
    serverReflectionInfo: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("error", () => {});
      call.on("data", (bytes: Buffer) => {
        const request = decode(ServerReflectionRequestSchema, bytes) as ServerReflectionRequest;
        const messageResponse = answer(request.messageRequest, all, files, bySymbol);
        const response = { validHost: request.host, originalRequest: request, messageResponse };
        call.write(encode(ServerReflectionResponseSchema, response));
      });
      call.on("end", () => call.end());
    },
  });
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
    return { case: "errorResponse", value: { errorCode: status.NOT_FOUND, errorMessage: "Not found" } };
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
