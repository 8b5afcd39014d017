// A bare node:http2 server, in a process of its own because it may crash. "guard" as argument installs the guard.
import http2, { type ServerHttp2Stream } from "node:http2";
import { requireHttp2Guard } from "../h2_guard.ts";

if (Deno.args[0] === "guard") requireHttp2Guard();
const server = http2.createServer();
server.on("session", (session) => session.on("error", () => {}));
// Trailers, as gRPC sends them.
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.on("error", () => {});
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond({ ":status": 200 }, { waitForTrailers: true });
  stream.end("hello");
});
server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as { port: number }).port);
});
