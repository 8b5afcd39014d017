/**
 * A gRPC client for Node on grpc-js: bundled, and run by Node. Calls the services of grpc_server_test.ts and says what
 * came of it, a line for each.
 *
 * `node platform_client.mjs address root name`
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Buffer } from "node:buffer";
import grpc from "@grpc/grpc-js";

const [address, root, name] = process.argv.slice(2);
const connected = (options: grpc.ClientOptions = {}) =>
  new grpc.Client(address!, grpc.credentials.createSsl(readFileSync(root!)), {
    "grpc.ssl_target_name_override": name!,
    "grpc.default_authority": name!,
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    ...options,
  });
const client = connected();
const same = (bytes: Buffer) => bytes;

/** A message with one field, a string. */
function message(field: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) length.push(rest & 127 | 128);
  return Buffer.concat([Buffer.from([field << 3 | 2, ...length, rest]), bytes]);
}

/** The first field of an answer, a string. */
function text(bytes: Buffer): string {
  let at = 1;
  let length = 0;
  for (let shift = 0;; shift += 7) {
    const octet = bytes[at++]!;
    length += (octet & 127) * 2 ** shift;
    if (octet < 128) return bytes.toString("utf8", at, at + length);
  }
}

function metadata(token: string): grpc.Metadata {
  const fields = new grpc.Metadata();
  if (token !== "") fields.set("authorization", `Bearer ${token}`);
  return fields;
}

interface Answer {
  code: number;
  details: string;
  name: string;
  facts: string;
}

function ask(
  zone: string,
  { token = "admin", path = "/mcns.v1.ZoneService/GetZone", by = client, deadlineMs = 0 } = {},
) {
  return new Promise<Answer>((resolve) => {
    const options = deadlineMs === 0 ? {} : { deadline: Date.now() + deadlineMs };
    by.makeUnaryRequest(path, same, same, message(1, zone), metadata(token), options, (error, bytes) => {
      resolve({
        code: error?.code ?? 0,
        details: error?.details ?? "",
        name: bytes === undefined || bytes.length === 0 ? "" : text(bytes),
        facts: String(error?.metadata.get("metacircular-error-bin")[0] ?? ""),
      });
    });
  });
}

function deploy(count: number): grpc.ClientReadableStream<Buffer> {
  return client.makeServerStreamRequest(
    "/mcp.v1.AgentService/Deploy",
    same,
    same,
    message(2, String(count)),
    metadata("admin"),
    {},
  );
}

async function streamed(count: number): Promise<string> {
  let messages = 0;
  for await (const bytes of deploy(count)) {
    if (text(bytes) !== String(messages)) throw new Error("out of order");
    messages++;
  }
  return String(messages);
}

function cancel(): Promise<string> {
  return new Promise((resolve) => {
    const call = deploy(1e9);
    call.once("data", () => call.cancel());
    call.on("data", () => {});
    call.on("error", (error: grpc.ServiceError) => resolve(String(error.code)));
  });
}

const echoed = await ask("z");
console.log(`unary ${echoed.code} ${echoed.name}`);
const big = await ask("big");
console.log(`big ${big.code} ${big.name.length}`);
const failed = await ask("fail");
console.log(`error ${failed.code} ${failed.details}`);
console.log(`facts ${failed.facts}`);
console.log(`stranger ${(await ask("z", { token: "" })).code}`);
console.log(`unknown ${(await ask("z", { path: "/mcns.v1.ZoneService/Nothing" })).code}`);
console.log(`large ${(await ask("z".repeat(2_000_000))).code}`);
const zipping = connected({ "grpc.default_compression_algorithm": 2 });
console.log(`gzip ${(await ask("z".repeat(10_000), { by: zipping })).code}`);
zipping.close();
console.log(`stream ${await streamed(1000)}`);
const many = await Promise.all(Array.from({ length: 300 }, (_, index) => ask(`zone ${index}`)));
console.log(`many ${many.filter((answer, index) => answer.name === `zone ${index}`).length}`);
const before = Number((await ask("count")).name);
console.log(`deadline ${(await ask("hang", { deadlineMs: 300 })).code}`);
console.log(`cancel ${await cancel()}`);
for (let now = before; now < before + 2;) now = Number((await ask("count")).name);
console.log("cancelled 2");
console.log(`health ${(await ask("", { path: "/grpc.health.v1.Health/Check", token: "" })).code}`);
client.close();
