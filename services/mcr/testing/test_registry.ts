/** A real registry over TLS on a free port, with its data in a temp folder, and a client that speaks plain HTTP requests. */
import { createHash } from "node:crypto";
import { FakeClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Registry as Metrics } from "@lib/metrics/mod.ts";
import { createRoot, exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { type Config, schema } from "../config.ts";
import { type RunningMcr, startRegistry } from "../server.ts";
import { mciasToken, password, TestIdentity } from "./test_identity.ts";

export const serverName = "mcr.svc.mcp.metacircular.net";

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  text: string;
  /** The first error's code; "" when the answer is none. */
  code: string;
}

export interface Call {
  headers?: Record<string, string>;
  body?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Account whose token covers the repositories of the path, with every action that policy grants; null: no token. */
  as?: string | null;
}

export interface World extends AsyncDisposable {
  readonly config: Config;
  readonly ca: string;
  readonly folder: string;
  readonly identity: TestIdentity;
  readonly clock: FakeClock;
  /** The running registry. */
  readonly registry: RunningMcr;
  readonly client: HttpsClient;
  /** Sends "GET /v2/…", by default as the admin ada. */
  call(line: string, call?: Call): Promise<Answer>;
  /** A registry token by GET and Basic; system accounts log in with their MCIAS token. */
  token(username: string, ...scopes: string[]): Promise<string>;
  /** Pushes a blob in one piece and gives its digest. */
  blob(repository: string, content: string | Uint8Array): Promise<string>;
  /** Stops the registry and starts another on the same data. */
  restart(): Promise<void>;
}

export async function registryUnderTest(toml = ""): Promise<World> {
  const folder = await Deno.makeTempDir({ prefix: "mcr-" });
  const root = await createRoot({ name: "Test root", days: 10 });
  const key = await generateKey();
  await Deno.writeTextFile(`${folder}/ca.pem`, root.certificatePem);
  await Deno.writeTextFile(`${folder}/key.pem`, await exportKeyPem(key));
  await Deno.writeTextFile(
    `${folder}/cert.pem`,
    await signLeaf(root, key.publicKey, { names: [serverName, "localhost", "127.0.0.1"] }),
  );
  await Deno.mkdir(`${folder}/data`);
  await Deno.writeTextFile(
    `${folder}/mcr.toml`,
    `[server]
rest_addr = "127.0.0.1:0"
grpc_addr = "127.0.0.1:0"
tls_cert = "cert.pem"
tls_key = "key.pem"
shutdown_timeout_ms = 2000
[mcias]
ca_cert = "ca.pem"
${toml}`,
  );
  const { config } = loadConfig({ schema, service: "mcr", file: `${folder}/mcr.toml`, environment: () => undefined });
  return await TestWorld.start(folder, root.certificatePem, config);
}

class TestWorld implements World {
  readonly identity = new TestIdentity();
  readonly clock = new FakeClock(Date.now());
  readonly folder: string;
  readonly ca: string;
  readonly config: Config;
  registry!: RunningMcr;
  client!: HttpsClient;

  private constructor(folder: string, ca: string, config: Config) {
    this.folder = folder;
    this.ca = ca;
    this.config = config;
  }

  static async start(folder: string, ca: string, config: Config): Promise<TestWorld> {
    const world = new TestWorld(folder, ca, config);
    await world.#start();
    return world;
  }

  async #start(): Promise<void> {
    this.registry = await startRegistry({
      config: this.config,
      log: silentLogger,
      clock: this.clock,
      metrics: new Metrics(),
      name: "mcr",
      version: "test",
      startedAt: new Date(),
    }, this.identity);
    this.client = new HttpsClient({ address: this.registry.restAddress, serverName, ca: this.ca });
  }

  async #stop(): Promise<void> {
    this.client.close();
    await this.registry[Symbol.asyncDispose]();
  }

  async restart(): Promise<void> {
    await this.#stop();
    await this.#start();
  }

  async call(line: string, { headers = {}, body, as = "ada" }: Call = {}): Promise<Answer> {
    const [method = "", path = ""] = line.split(" ");
    const sent = new Headers(headers);
    if (as !== null && !sent.has("authorization")) {
      sent.set("authorization", `Bearer ${await this.token(as, ...scopesOf(path))}`);
    }
    const response = await this.client.request({
      method,
      path,
      headers: sent,
      ...(body === undefined ? {} : { body: typeof body === "string" ? new TextEncoder().encode(body) : body }),
    });
    const bytes = new Uint8Array(await new Response(response.body).arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    return { status: response.status, headers: response.headers, bytes, text, code: codeOf(text) };
  }

  async token(username: string, ...scopes: string[]): Promise<string> {
    const secret = ["mcq", "mcp-agent"].includes(username) ? mciasToken(username) : password;
    const query = new URLSearchParams(scopes.map((scope) => ["scope", scope]));
    const { status, text } = await this.call(`GET /v2/token?${query}`, {
      as: null,
      headers: { authorization: `Basic ${btoa(`${username}:${secret}`)}` },
    });
    if (status !== 200) throw new Error(`no token for ${username}: ${status} ${text}`);
    return JSON.parse(text).token;
  }

  async blob(repository: string, content: string | Uint8Array): Promise<string> {
    const digest = sha256(content);
    const { status, text } = await this.call(`POST /v2/${repository}/blobs/uploads/?digest=${digest}`, {
      body: content,
    });
    if (status !== 201) throw new Error(`push of ${digest}: ${status} ${text}`);
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function scopesOf(path: string): string[] {
  const name = /^\/v2\/(.+?)\/(manifests|blobs|tags|referrers)\//.exec(path)?.[1];
  const from = /[?&]from=([^&]+)/.exec(path)?.[1];
  return [
    ...(name === undefined ? [] : [`repository:${name}:*`]),
    ...(from === undefined ? [] : [`repository:${decodeURIComponent(from)}:pull`]),
    ...(path.startsWith("/v2/_catalog") ? ["registry:catalog:*"] : []),
  ];
}

function codeOf(text: string): string {
  try {
    return JSON.parse(text).errors?.[0]?.code ?? "";
  } catch {
    return "";
  }
}

export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

export function sha512(content: string | Uint8Array): string {
  return `sha512:${createHash("sha512").update(content).digest("hex")}`;
}

/** A descriptor of content. */
export function describe(mediaType: string, content: string | Uint8Array): Record<string, unknown> {
  const size = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
  return { mediaType, digest: sha256(content), size };
}

/** An image manifest over a config and layers, as JSON text; `more` goes in at the top. */
export function imageManifest(config: string, layers: string[], more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    ...more,
    config: describe("application/vnd.oci.image.config.v1+json", config),
    layers: layers.map((layer) => describe("application/vnd.oci.image.layer.v1.tar+gzip", layer)),
  });
}
