import { Client, credentials } from "@grpc/grpc-js";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { implement } from "@lib/contract/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "@proto/grpc/health/v1/health_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "@proto/grpc/reflection/v1/reflection_pb.ts";
import { HealthService } from "@proto/metacircular/v1/health_pb.ts";
import { bytesAsTheyAre, decode, encode, methodPath } from "./definition.ts";
import { grpcClient, serveGrpc } from "./mod.ts";

const start = () =>
  serveGrpc({
    address: "127.0.0.1:0",
    operations: implement(HealthService, { getHealth: () => ({ status: "serving" }) }),
    authenticate: () => Promise.resolve(null),
    log: silentLogger,
  });

Deno.test("grpc.health.v1 answers without a token for the server and its services", async () => {
  await using server = await start();
  await using client = grpcClient(Health, { address: server.address });
  for (const service of ["", "metacircular.v1.HealthService"]) {
    assert.equal((await client.check({ service })).status, ServingStatus.SERVING);
  }
  await assert.rejects(client.check({ service: "other.v1.Service" }), { code: "not_found" });
  server.setServing(false);
  assert.equal((await client.check({})).status, ServingStatus.NOT_SERVING);
});

Deno.test("grpc.health.v1 watchers hear of changes, and of the end before a drain begins", async () => {
  await using server = await start();
  await using client = grpcClient(Health, { address: server.address });
  const seen: ServingStatus[] = [];
  for await (const { status } of client.watch({})) {
    seen.push(status);
    if (seen.length === 1) server.setServing(false);
    if (seen.length === 2) server.setServing(true);
    // Without an end of the watch this close would take its 60 s.
    if (seen.length === 3) server.close(60_000);
  }
  const { SERVING, NOT_SERVING } = ServingStatus;
  assert.deepEqual(seen, [SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
});

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

/** Asks one question by a client that knows nothing of ours but the address. */
async function reflect(
  address: string,
  messageRequest: Question,
): Promise<ServerReflectionResponse["messageResponse"]> {
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
  });
  const { serverReflectionInfo: method } = ServerReflection.method;
  const call = client.makeBidiStreamRequest(methodPath(method), bytesAsTheyAre, bytesAsTheyAre);
  call.write(encode(method.input, { messageRequest }));
  call.end();
  const answers: ServerReflectionResponse["messageResponse"][] = [];
  for await (const bytes of call) {
    answers.push((decode(method.output, bytes as Buffer) as ServerReflectionResponse).messageResponse);
  }
  client.close();
  assert.equal(answers.length, 1);
  return answers[0]!;
}

Deno.test("grpc.reflection.v1 lists the services and gives their files with all imports", async () => {
  await using server = await start();
  const { address } = server;
  const list = await reflect(address, { case: "listServices", value: "" });
  assert.ok(list.case === "listServicesResponse");
  assert.deepEqual(list.value.service.map((service) => service.name), [
    "metacircular.v1.HealthService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
  ]);
  for (
    const question of [
      { case: "fileContainingSymbol", value: "metacircular.v1.HealthService.GetHealth" },
      { case: "fileContainingSymbol", value: "metacircular.v1.Health" },
      { case: "fileByFilename", value: "metacircular/v1/health.proto" },
    ] as const
  ) {
    const files = await reflect(address, question);
    assert.ok(files.case === "fileDescriptorResponse");
    const names = files.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
    assert.deepEqual(names.sort(), [
      "google/protobuf/descriptor.proto",
      "google/protobuf/timestamp.proto",
      "metacircular/options.proto",
      "metacircular/v1/health.proto",
    ]);
  }
  const missing = await reflect(address, { case: "fileContainingSymbol", value: "no.Such" });
  assert.equal(missing.case, "errorResponse");
});
