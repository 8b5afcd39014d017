import { create, createFileRegistry, type DescService, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { Access, access as accessOption, rest as restOption } from "@proto/metacircular/options_pb.ts";
import type { Call } from "./call.ts";
import { type Handlers, implement } from "./operation.ts";
import { restApp } from "./rest_app.ts";

interface Rpc {
  name?: string;
  access?: Access;
  rest?: string;
  clientStreaming?: boolean;
  serverStreaming?: boolean;
}

/** A service "test.v1.Things" whose RPCs take and give `{ string id; repeated string tags; string error }`. */
function service(rpcs: Rpc[]): DescService {
  const method = ({ name = "Get", access, rest, ...streaming }: Rpc) => {
    const options = create(MethodOptionsSchema);
    if (access !== undefined) setExtension(options, accessOption, access);
    if (rest !== undefined) setExtension(options, restOption, rest);
    return { name, inputType: ".test.v1.Thing", outputType: ".test.v1.Thing", options, ...streaming };
  };
  const field = (name: string, number: number, label: Label) => ({
    name,
    number,
    label,
    type: Type.STRING,
    jsonName: name,
  });
  const init: MessageInitShape<typeof FileDescriptorProtoSchema> = {
    name: "test/v1/things.proto",
    package: "test.v1",
    syntax: "proto3",
    messageType: [{
      name: "Thing",
      field: [field("id", 1, Label.OPTIONAL), field("tags", 2, Label.REPEATED), field("error", 3, Label.OPTIONAL)],
    }],
    service: [{ name: "Things", method: rpcs.map(method) }],
  };
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [init] }));
  return registry.getService("test.v1.Things")!;
}

const implemented = (rpcs: Rpc[], handlers: Record<string, unknown> = { get: () => ({}) }) =>
  implement(service(rpcs), handlers as Handlers<DescService>);

Deno.test("implement refuses RPCs that are not declared well, naming them", async (t) => {
  const rest = "GET /v1/things/{id}";
  const access = Access.USER;
  const rows: [string, Rpc, RegExp][] = [
    ["no access", { rest }, /test\.v1\.Things\.Get declares no access/],
    ["access unspecified", { rest, access: Access.UNSPECIFIED }, /Get declares no access/],
    ["no REST form", { access }, /Get declares no REST binding/],
    ["no verb", { access, rest: "/v1/things" }, /is not "<GET\|POST\|PUT\|PATCH\|DELETE> \/path"/],
    ["unknown verb", { access, rest: "FETCH /v1/things" }, /is not "</],
    ["unknown path parameter", { access, rest: "GET /v1/things/{name}" }, /path names \{name\}, which Thing lacks/],
    ["repeated path parameter", { access, rest: "GET /v1/things/{tags}" }, /\{tags\} is not a single scalar/],
    ["partial path parameter", { access, rest: "GET /v1/things/x{id}" }, /path segment "x\{id\}"/],
    ["a stream as request", { access, rest, clientStreaming: true }, /takes a stream \(client_streaming\)/],
    ["streams both ways", { access, rest, clientStreaming: true, serverStreaming: true }, /takes a stream/],
    ["a streamed field error", { access, rest, serverStreaming: true }, /can't have a field "error"/],
  ];
  for (const [name, rpc, says] of rows) {
    await t.step(name, () => assert.throws(() => implemented([rpc]), says));
  }
  assert.throws(() => implemented([{ access, rest }], {}), /test\.v1\.Things\.Get has no handler/);
  assert.equal(implemented([{ access, rest }])[0]?.name, "test.v1.Things.Get");
});

const call = (caller: Call["caller"]): Call => ({
  caller,
  remote: "unix",
  requestId: "r",
  transport: "rest",
  signal: new AbortController().signal,
});

Deno.test("Operation.invoke checks access whatever the transport has done", async () => {
  const [get] = implemented([{ access: Access.USER, rest: "GET /v1/things/{id}" }]);
  const request = create(get!.method.input);
  await assert.rejects(get!.invoke(request, call(null)), { code: "unauthenticated" });
  const guest = { subject: "1", username: "g", accountType: "human" as const, roles: ["guest"], tokenId: "t" };
  await assert.rejects(get!.invoke(request, call(guest)), { code: "denied", rule: "access:user" });
  await get!.invoke(request, call({ ...guest, roles: ["user"] }));
});

Deno.test("restApp refuses two RPCs of one route and prefers fixed text over parameters", async () => {
  const access = Access.PUBLIC;
  const options = { authenticate: "local" as const, log: silentLogger, service: "test", version: "1" };
  const handlers = { get: () => ({ id: "by id" }), getDefault: () => ({ id: "default" }) };
  const clash = implemented([
    { access, rest: "GET /v1/things/{id}" },
    { access, rest: "GET /v1/things/{error}", name: "GetDefault" },
  ], handlers);
  assert.throws(() => restApp(clash, options), /GetDefault and test\.v1\.Things\.Get share GET \/v1\/things\/\{\}/);
  const both = implemented([
    { access, rest: "GET /v1/things/{id}" },
    { access, rest: "GET /v1/things/default", name: "GetDefault" },
  ], handlers);
  for (const operations of [both, both.toReversed()]) {
    const app = restApp(operations, options);
    const get = async (id: string) =>
      (await (await app(new Request(`http://x/v1/things/${id}`), { remote: "" })).json()).id;
    assert.deepEqual([await get("default"), await get("other")], ["default", "by id"]);
  }
});
