/**
 * A gRPC client for Node on grpc-js: bundled, and run by Node. Calls backend.ts with everything that gRPC has, and says
 * what came of it, a line for each.
 *
 * `node client.mjs address root name`
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Buffer } from "node:buffer";
import grpc from "@grpc/grpc-js";

const [address, root, name] = process.argv.slice(2);
const client = new grpc.Client(address!, grpc.credentials.createSsl(readFileSync(root!)), {
  "grpc.ssl_target_name_override": name!,
  "grpc.default_authority": name!,
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
});
const same = (bytes: Buffer) => bytes;
const path = (method: string) => `/interop.Echo/${method}`;

interface Answer {
  code: number;
  details: string;
  message: Buffer;
  head: grpc.Metadata;
  tail: grpc.Metadata;
}

function unary(method: string, message: Buffer, options: grpc.CallOptions = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    metadata.set("x-ask", "asked");
    let head = new grpc.Metadata();
    let result: { error: grpc.ServiceError | null; message: Buffer } | null = null;
    let status: grpc.StatusObject | null = null;
    const settle = () => {
      if (result === null || status === null) return;
      resolve({ code: status.code, details: status.details, message: result.message, head, tail: status.metadata });
    };
    const call = client.makeUnaryRequest(path(method), same, same, message, metadata, options, (error, value) => {
      result = { error, message: value ?? Buffer.alloc(0) };
      settle();
    });
    call.on("metadata", (fields) => head = fields);
    call.on("status", (given) => {
      status = given;
      settle();
    });
  });
}

function upload(count: number, size: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(
      path("Upload"),
      same,
      same,
      new grpc.Metadata(),
      {},
      (error, value) => error === null ? resolve(String(value)) : reject(error),
    );
    for (let sent = 0; sent < count; sent++) call.write(Buffer.alloc(size));
    call.end();
  });
}

async function download(count: number, size: number): Promise<string> {
  const call = client.makeServerStreamRequest(
    path("Download"),
    same,
    same,
    Buffer.from(`${count} ${size}`),
    new grpc.Metadata(),
    {},
  );
  let messages = 0;
  let bytes = 0;
  for await (const message of call) {
    if (message.some((octet: number) => octet !== messages % 256)) throw new Error("out of order");
    messages++;
    bytes += message.length;
  }
  return `${messages} ${bytes}`;
}

/** Sends a message only when the one before has come back. */
async function talk(rounds: number): Promise<string> {
  const call = client.makeBidiStreamRequest(path("Talk"), same, same, new grpc.Metadata(), {});
  const answers = call[Symbol.asyncIterator]();
  for (let round = 0; round < rounds; round++) {
    call.write(Buffer.from(`round ${round}`));
    const { value } = await answers.next();
    if (String(value) !== `round ${round}`) throw new Error(`round ${round} brought ${value}`);
  }
  call.end();
  return (await answers.next()).done ? "ended" : "goes on";
}

function cancel(): Promise<string> {
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest(path("Talk"), same, same, new grpc.Metadata(), {});
    call.write(Buffer.from("hello"));
    call.on("data", () => call.cancel());
    call.on("error", (error: grpc.ServiceError) => resolve(`code ${error.code}`));
  });
}

const large = Buffer.alloc(20_000_000, "0123456789abcdef");

const hello = await unary("Unary", Buffer.from("hello"));
console.log(
  `unary ${hello.code} ${hello.message} ${hello.head.get("x-head")[0]} ${hex(hello.tail.get("x-tail-bin")[0])}`,
);
const failed = await unary("Unary", Buffer.from("fail"));
console.log(`error ${failed.code} ${failed.details}`);
const echoed = await unary("Unary", large);
console.log(`large ${echoed.code} ${echoed.message.equals(large)}`);
console.log(`upload ${await upload(200, 10_000)}`);
console.log(`download ${await download(1000, 1000)}`);
console.log(`bulk ${await download(4, 5_000_000)}`);
console.log(`talk ${await talk(100)}`);
const many = await Promise.all(Array.from({ length: 300 }, (_, index) => unary("Unary", Buffer.from(String(index)))));
console.log(`many ${many.filter(({ message }, index) => String(message) === String(index)).length}`);
const before = Number((await unary("Cancelled", Buffer.alloc(0))).message);
console.log(`deadline ${(await unary("Hang", Buffer.alloc(0), { deadline: Date.now() + 300 })).code}`);
console.log(`cancel ${await cancel()}`);
for (let now = before; now < before + 2;) now = Number((await unary("Cancelled", Buffer.alloc(0))).message);
console.log("cancelled 2");
client.close();

function hex(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString("hex") : String(value);
}
