/**
 * A unary gRPC server to be measured, as a program: `server.ts lib-grpc|grpc-js|http2 [CERT KEY]`. Prints its address.
 * All three answer mcns.v1.ZoneService/GetZone with the zone's name, decode the request and encode the response.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Caller } from "@lib/auth/mod.ts";
import { type Handlers, implement } from "@lib/contract/mod.ts";
import { requireHttp2Guard, serveGrpc } from "@lib/grpc/mod.ts";
import { Http2ServerConnection, type Http2Transport, type ServerStream } from "@lib/http2/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { acceptLoop, CertificateFiles, ConnTransport, DuplexStream, listenTcp, listenTls } from "@lib/tls/mod.ts";
import { GetZoneRequestSchema, ZoneSchema, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { ConnStream } from "../../../services/mcproxy/stream/conn_stream.ts";

const caller: Caller = { subject: "1", username: "ada", accountType: "human", roles: ["admin"], tokenId: "a" };
const loopback = "127.0.0.1:0";

/** A response's message of a request's. */
function answer(request: Uint8Array): Uint8Array {
  return toBinary(ZoneSchema, create(ZoneSchema, { name: fromBinary(GetZoneRequestSchema, request).zone }));
}

/** The service as services have it. */
async function libGrpc(tls: CertificateFiles | null): Promise<string> {
  const nothing = () => ({});
  const handlers: Handlers<typeof ZoneService> = {
    getZone: ({ zone }) => ({ name: zone }),
    ...{ createZone: nothing, listZones: nothing, updateZone: nothing, deleteZone: nothing },
    ...{ exportZone: nothing, importZone: nothing, listChanges: nothing, undoChange: nothing },
    exportZoneInPieces: async function* () {},
  };
  const server = await serveGrpc({
    address: loopback,
    ...(tls === null ? {} : { tls }),
    operations: implement(ZoneService, handlers),
    authenticate: () => Promise.resolve(caller),
    log: silentLogger,
  });
  return server.address;
}

/** Listens, with or without TLS; plain connections come as they are. */
function listen(tls: CertificateFiles | null, accept: (connection: Deno.TcpConn | Duplex) => void): string {
  if (tls !== null) {
    return listenTls({
      ...{ address: loopback, certificates: tls, alpn: ["h2"], log: silentLogger },
      onConnection: accept,
    }).address;
  }
  const listener = listenTcp({ kind: "tcp", hostname: "127.0.0.1", port: 0 }, false);
  void acceptLoop(listener, (conn) => {
    conn.setNoDelay(true);
    accept(conn);
  }, silentLogger);
  return `127.0.0.1:${listener.addr.port}`;
}

/** grpc-js on the guarded node:http2, without what lib/contract does for a call. */
function grpcJs(tls: CertificateFiles | null): string {
  requireHttp2Guard();
  const server = new Server({ "grpc.enable_channelz": 0 });
  const bytes = (message: Buffer) => message;
  server.addService({
    getZone: {
      ...{ path: "/mcns.v1.ZoneService/GetZone", requestStream: false, responseStream: false },
      ...{ requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes },
    },
  }, {
    getZone: (call: { request: Buffer }, done: (error: null, message: Buffer) => void) =>
      done(null, Buffer.from(answer(call.request))),
  });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return listen(tls, (connection) => {
    const duplex = connection instanceof Duplex
      ? connection
      : new ConnTransport(connection, { address: "127.0.0.1", port: 0 });
    injector.injectConnection(duplex);
    duplex.once("end", () => duplex.destroy());
  });
}

/** Length prefix: not compressed, and how long (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const prefixBytes = 5;
const maxMessageBytes = 1024 * 1024;

async function wholeBody(stream: ServerStream): Promise<Uint8Array | null> {
  let body = new Uint8Array(0);
  for (let next = stream.read();; next = stream.read()) {
    const chunk = next instanceof Promise ? await next : next;
    if (chunk === null) return body;
    if (body.length + chunk.length > maxMessageBytes) return null;
    const joined = new Uint8Array(body.length + chunk.length);
    joined.set(body);
    joined.set(chunk, body.length);
    body = joined;
  }
}

async function serveCall(stream: ServerStream): Promise<void> {
  // A call that is reset in the same breath has no effect.
  await null;
  if (stream.closed) return;
  const body = await wholeBody(stream);
  const length = body === null || body.length < prefixBytes ? -1 : new DataView(body.buffer).getUint32(1);
  if (body === null || body[0] !== 0 || length !== body.length - prefixBytes) {
    return stream.respond(200, ["content-type", "application/grpc", "grpc-status", "13"], true);
  }
  if (stream.path !== "/mcns.v1.ZoneService/GetZone") {
    return stream.respond(200, ["content-type", "application/grpc", "grpc-status", "12"], true);
  }
  const message = answer(body.subarray(prefixBytes));
  const framed = new Uint8Array(prefixBytes + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, prefixBytes);
  stream.respond(200, ["content-type", "application/grpc"], false);
  await stream.write(framed);
  stream.end(["grpc-status", "0"]);
}

/** The least that gRPC on lib/http2 is. */
function http2(tls: CertificateFiles | null): string {
  return listen(tls, (connection) => {
    const transport: Http2Transport = connection instanceof Duplex
      ? new DuplexStream(connection)
      : new ConnStream(connection);
    const onRequest = (stream: ServerStream) => void serveCall(stream).catch(() => stream.reset(8));
    void new Http2ServerConnection(transport, { onRequest }).run();
  });
}

if (import.meta.main) {
  const [kind, cert, key] = Deno.args;
  const tls = cert === undefined || key === undefined ? null : CertificateFiles.load({ cert, key, log: silentLogger });
  const address = kind === "lib-grpc" ? await libGrpc(tls) : kind === "grpc-js" ? grpcJs(tls) : http2(tls);
  console.log(address);
}
