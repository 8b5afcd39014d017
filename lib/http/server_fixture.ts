/**
 * A server with a client for the tests of lib/http. Not part of the door.
 * @module
 */
import { createLogger, type Logger, silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles, dialTls, listenTls, type SecureConnection } from "@lib/tls/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { HttpsClient, type HttpsClientOptions } from "./client.ts";
import { type HttpServer, serveHttp } from "./serve.ts";
import type { FetchHandler, ServeHttpOptions } from "./serve_options.ts";

const ca = await throwawayCa();
const leaf = await ca.issue(["svc.test", "localhost", "127.0.0.1"]);

export interface Fixture {
  server: HttpServer;
  port: number;
  client: HttpsClient;
  /** Path of the root for curl. */
  caFile: string;
  folder: string;
  /** Everything logged so far. */
  logged: string[];
  /** A connection to write HTTP on by hand. */
  dial(): Promise<SecureConnection>;
}

/** Serves `fetch` for the time of `test`. */
export async function withServer(
  fetch: FetchHandler,
  test: (fixture: Fixture) => Promise<void>,
  options: Partial<ServeHttpOptions> & { client?: Partial<HttpsClientOptions> } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const files = await writeIssued(folder, leaf);
  const caFile = `${folder}/ca.pem`;
  await Deno.writeTextFile(caFile, ca.root);
  const logged: string[] = [];
  const log: Logger = createLogger({ service: "test", level: "debug", write: (line) => void logged.push(line) });
  const tls = CertificateFiles.load({ ...files, log, pollMs: 0 });
  const { client: clientOptions, ...serverOptions } = options;
  const server = await serveHttp({ address: "127.0.0.1:0", tls, fetch, log, ...serverOptions });
  const port = Number(server.address.split(":")[1]);
  const address = { address: server.address, serverName: "svc.test", ca: ca.root };
  const client = new HttpsClient({ ...address, ...clientOptions });
  const dial = () => dialTls({ hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root, alpn: ["http/1.1"] });
  try {
    await test({ server, port, client, caFile, folder, logged, dial });
  } finally {
    client.close();
    await server.close();
    tls.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** A client with a server that is written by hand. */
export async function withTls(
  onConnection: (connection: SecureConnection) => void,
  test: (client: HttpsClient) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const certificates = CertificateFiles.load({ ...await writeIssued(folder, leaf), log: silentLogger, pollMs: 0 });
  const listener = listenTls({
    address: "127.0.0.1:0",
    certificates,
    alpn: ["http/1.1"],
    log: silentLogger,
    onConnection,
  });
  const client = new HttpsClient({ address: listener.address, serverName: "svc.test", ca: ca.root });
  try {
    await test(client);
  } finally {
    client.close();
    await listener.close();
    certificates.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sends `text` on a connection of its own and returns all that comes back until the server closes. */
export async function transcript(connection: SecureConnection, text: string): Promise<string> {
  connection.write(text);
  let answer = "";
  for await (const chunk of connection) answer += chunk;
  return answer;
}
