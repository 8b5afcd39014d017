/**
 * Walks every service of every .proto file: each RPC must declare who may call it and its REST form, and must be
 * reachable over REST and gRPC, by exactly those whom its access level names. The servers are the real ones; the
 * handlers record the request they got and answer with a message that has every field set.
 */
import { type DescFile, equals, fromJson, type Message } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { type Call, type Handlers, implement, type Operation, restApp } from "@lib/contract/mod.ts";
import { type ErrorCode, errorTable, PlatformError } from "@lib/errors/mod.ts";
import { grpcClient, serveGrpc } from "@lib/grpc/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Access } from "@proto/metacircular/options_pb.ts";
import { file_mcias_v1_mcias } from "@proto/mcias/v1/mcias_pb.ts";
import { file_mcns_v1_dnssec } from "@proto/mcns/v1/dnssec_pb.ts";
import { file_mcns_v1_mcns } from "@proto/mcns/v1/mcns_pb.ts";
import { file_mcns_v1_transfer } from "@proto/mcns/v1/transfer_pb.ts";
import { file_mcp_v1_agent } from "@proto/mcp/v1/agent_pb.ts";
import { file_mcproxy_v1_mcproxy } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { file_mcr_v1_mcr } from "@proto/mcr/v1/mcr_pb.ts";
import { file_metacircular_v1_health } from "@proto/metacircular/v1/health_pb.ts";
import { file_metacrypt_v1_metacrypt } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { restCall } from "./rest_call.ts";
import { sample } from "./sample.ts";

/** Every file with services of ours; a test below compares it with what is in proto/. */
const files: DescFile[] = [
  file_mcias_v1_mcias,
  file_mcns_v1_dnssec,
  file_mcns_v1_mcns,
  file_mcns_v1_transfer,
  file_mcp_v1_agent,
  file_mcproxy_v1_mcproxy,
  file_mcr_v1_mcr,
  file_metacircular_v1_health,
  file_metacrypt_v1_metacrypt,
];

const callers: Record<string, Caller> = {
  guest: { subject: "1", username: "gus", accountType: "human", roles: ["guest"], tokenId: "1" },
  user: { subject: "2", username: "uma", accountType: "human", roles: ["user"], tokenId: "2" },
  admin: { subject: "3", username: "ada", accountType: "human", roles: ["admin"], tokenId: "3" },
  system: { subject: "4", username: "mcq", accountType: "system", roles: [], tokenId: "4" },
};
type Outcome = "ok" | ErrorCode;

/** Who gets what: the specification of the access levels. */
const table: Record<Exclude<Access, Access.UNSPECIFIED>, Record<string, Outcome>> = {
  [Access.PUBLIC]: { nobody: "ok", bad: "ok", guest: "ok", user: "ok", system: "ok", admin: "ok" },
  [Access.AUTHENTICATED]: {
    nobody: "unauthenticated",
    bad: "unauthenticated",
    guest: "ok",
    user: "ok",
    system: "ok",
    admin: "ok",
  },
  [Access.USER]: {
    nobody: "unauthenticated",
    bad: "unauthenticated",
    guest: "denied",
    user: "ok",
    system: "ok",
    admin: "ok",
  },
  [Access.ADMIN]: {
    nobody: "unauthenticated",
    bad: "unauthenticated",
    guest: "denied",
    user: "denied",
    system: "denied",
    admin: "ok",
  },
};

interface Reached {
  request: Message;
  call: Call;
}

/** Operations of all services in the file; each call that gets through is pushed to `reached`. */
function operationsOf(file: DescFile, reached: Reached[]): Operation[] {
  return file.services.flatMap((service) => {
    const handlers = Object.fromEntries(service.methods.map((method) => {
      const answer = sample(method.output);
      const unary = (request: Message, call: Call) => {
        reached.push({ request, call });
        return answer;
      };
      async function* streaming(request: Message, call: Call) {
        reached.push({ request, call });
        yield await Promise.resolve(answer);
        yield answer;
      }
      return [method.localName, method.methodKind === "server_streaming" ? streaming : unary];
    }));
    return implement(service, handlers as unknown as Handlers<typeof service>);
  });
}

Deno.test("every .proto file with services is walked", async () => {
  const folder = new URL("../../proto/", import.meta.url);
  const found: string[] = [];
  const visit = async (below: string): Promise<void> => {
    for await (const entry of Deno.readDir(new URL(below, folder))) {
      if (entry.isDirectory) await visit(`${below}${entry.name}/`);
      else if (entry.name.endsWith(".proto")) {
        const text = await Deno.readTextFile(new URL(below + entry.name, folder));
        if (/^service /m.test(text)) found.push(below + entry.name);
      }
    }
  };
  await visit("./");
  // The standard services of gRPC are open to anyone and have no REST form.
  const ours = found.map((path) => path.slice(2)).filter((path) => !path.startsWith("grpc/"));
  assert.deepEqual(ours.sort(), files.map((file) => `${file.name}.proto`).sort());
});

Deno.test("every RPC declares access and a REST form, unique within its program", async (t) => {
  let count = 0;
  for (const file of files) {
    await t.step(file.name, () => {
      // `implement` throws for an RPC that lacks an option, `restApp` for a route that another RPC has too.
      const operations = operationsOf(file, []);
      assert.ok(operations.length > 0);
      count += operations.length;
      const health = file === file_metacircular_v1_health ? [] : operationsOf(file_metacircular_v1_health, []);
      restApp([...operations, ...health], { authenticate: "local", log: silentLogger, service: "x", version: "1" });
      for (const { name, rest, access } of operations) {
        assert.notEqual(access, Access.UNSPECIFIED, name);
        assert.match(rest.template, /^\/v1\//, name);
      }
    });
  }
  assert.ok(count >= 60, `only ${count} RPCs seen: the walk is broken`);
});

Deno.test("every RPC is reachable over REST and gRPC by exactly those who may call it", async (t) => {
  let walked = 0;
  using http = Deno.createHttpClient({});
  for (const file of files) {
    const reached: Reached[] = [];
    const operations = operationsOf(file, reached);
    const authenticate = (token: string) => Promise.resolve(callers[token] ?? null);
    const app = restApp(operations, { authenticate, log: silentLogger, service: "test", version: "1" });
    await using rest = await serveHttp({ address: "127.0.0.1:0", fetch: app, log: silentLogger });
    await using grpc = await serveGrpc({ address: "127.0.0.1:0", operations, authenticate, log: silentLogger });
    for (const service of file.services) {
      let token: string | undefined;
      await using client = grpcClient(service, { address: grpc.address, token: () => token });
      for (const operation of operations.filter((one) => one.method.parent === service)) {
        await t.step(operation.name, async () => {
          walked++;
          const { input, output } = operation.method;
          const request = sample(input);
          const expectedAnswer = Array.from({ length: operation.streaming ? 2 : 1 }, () => sample(output));
          const rows = table[operation.access as Exclude<Access, Access.UNSPECIFIED>];
          for (const [who, expected] of Object.entries(rows)) {
            token = who === "nobody" ? undefined : who;
            const transports: [string, () => Promise<Message[]>][] = [
              ["rest", () => overRest(`http://${rest.address}`, operation, request, token, http)],
              ["grpc", () => overGrpc(client, operation, request)],
            ];
            for (const [transport, send] of transports) {
              reached.length = 0;
              const { outcome, answers } = await outcomeOf(send);
              const what = `${transport} by ${who}`;
              assert.equal(outcome, expected, what);
              assert.equal(reached.length, expected === "ok" ? 1 : 0, `${what}: handler calls`);
              if (expected !== "ok") continue;
              assert.ok(equals(input, reached[0]!.request, request), `${what}: the request arrives as it was sent`);
              const username = operation.access === Access.PUBLIC ? undefined : callers[who]?.username;
              assert.equal(reached[0]!.call.caller?.username, username, what);
              assert.equal(answers.length, expectedAnswer.length, what);
              answers.forEach((answer, i) => assert.ok(equals(output, answer, expectedAnswer[i]!), `${what}: answer`));
            }
          }
        });
      }
    }
  }
  assert.ok(walked >= 60, `only ${walked} RPCs seen: the walk is broken`);
});

async function outcomeOf(send: () => Promise<Message[]>): Promise<{ outcome: Outcome; answers: Message[] }> {
  try {
    return { outcome: "ok", answers: await send() };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return { outcome: error.code, answers: [] };
  }
}

async function overRest(
  base: string,
  operation: Operation,
  request: Message,
  token: string | undefined,
  client: Deno.HttpClient,
): Promise<Message[]> {
  const [url, init] = restCall(base, operation, request, token);
  const response = await fetch(url, { ...init, client });
  const text = await response.text();
  if (response.status !== 200) {
    const { code, detail } = JSON.parse(text);
    assert.equal(response.status, errorTable[code as ErrorCode].http);
    throw new PlatformError(code, detail);
  }
  const type = operation.streaming ? "application/x-ndjson" : "application/json";
  assert.equal(response.headers.get("content-type"), type);
  const lines = operation.streaming ? text.trimEnd().split("\n") : [text];
  return lines.map((line) => fromJson(operation.method.output, JSON.parse(line)));
}

async function overGrpc(client: object, operation: Operation, request: Message): Promise<Message[]> {
  const method = (client as Record<string, (request: Message) => Promise<Message> | AsyncIterable<Message>>)[
    operation.method.localName
  ]!;
  const result = method(request);
  return Symbol.asyncIterator in result ? await Array.fromAsync(result) : [await result];
}
