/**
 * A gRPC server for Node on grpc-js: bundled, and run by Node. Messages are bytes.
 *
 * `node backend.mjs [certificate key]`; says its port on standard output.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Buffer } from "node:buffer";
import grpc from "@grpc/grpc-js";

const same = (bytes: Buffer) => bytes;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/interop.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

type Unary = grpc.ServerUnaryCall<Buffer, Buffer>;
type Reply = grpc.sendUnaryData<Buffer>;

/** Calls that clients gave up. */
let cancelled = 0;

const server = new grpc.Server({
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
});
server.addService({
  unary: method("Unary", false, false),
  upload: method("Upload", true, false),
  download: method("Download", false, true),
  talk: method("Talk", true, true),
  hang: method("Hang", false, false),
  cancelled: method("Cancelled", false, false),
}, {
  /** "fail" fails without a message; anything else comes back, with metadata before and behind. */
  unary(call: Unary, reply: Reply) {
    if (call.request.toString() === "fail") {
      return reply({ code: grpc.status.NOT_FOUND, details: "no such thing: 100 %" });
    }
    const head = new grpc.Metadata();
    head.set("x-head", String(call.metadata.get("x-ask")[0] ?? ""));
    call.sendMetadata(head);
    const trailer = new grpc.Metadata();
    trailer.set("x-tail-bin", Buffer.from([0, 1, 255]));
    reply(null, call.request, trailer);
  },
  /** The number of messages and of their bytes. */
  upload(call: grpc.ServerReadableStream<Buffer, Buffer>, reply: Reply) {
    let messages = 0;
    let bytes = 0;
    call.on("data", (message: Buffer) => {
      messages++;
      bytes += message.length;
    });
    call.on("end", () => reply(null, Buffer.from(`${messages} ${bytes}`)));
  },
  /** "count size". */
  async download(call: grpc.ServerWritableStream<Buffer, Buffer>) {
    const [count, size] = call.request.toString().split(" ").map(Number);
    for (let sent = 0; sent < count! && !call.cancelled; sent++) {
      if (!call.write(Buffer.alloc(size!, sent))) await new Promise((resolve) => call.once("drain", resolve));
    }
    call.end();
  },
  /** Each message at once. */
  talk(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
    call.on("cancelled", () => cancelled++);
    call.on("data", (message: Buffer) => call.write(message));
    call.on("end", () => call.end());
  },
  hang(call: Unary) {
    call.on("cancelled", () => cancelled++);
  },
  cancelled(_call: Unary, reply: Reply) {
    reply(null, Buffer.from(String(cancelled)));
  },
});

const [certificate, key] = process.argv.slice(2);
const credentials = certificate === undefined
  ? grpc.ServerCredentials.createInsecure()
  : grpc.ServerCredentials.createSsl(null, [{
    cert_chain: readFileSync(certificate),
    private_key: readFileSync(key!),
  }]);
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error !== null) throw error;
  console.log(`port ${port}`);
});
