/**
 * The agent's neighbours on the wire: the platform's own contracts over real TLS, gRPC and OCI, answering from tables.
 */
import type { DescService } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { join } from "node:path";
import { packFiles } from "@lib/archive/mod.ts";
import { type Handlers, implement, type Operation } from "@lib/contract/mod.ts";
import { notFound, unavailable } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { bundleTypes, digestOf } from "@lib/oci/mod.ts";
import { createRoot, exportKeyPem, generateKey, type MadeIssuer, readCsr, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { RecordService } from "@proto/mcns/v1/mcns_pb.ts";
import { CertificateService, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { CaService } from "@proto/metacrypt/v1/metacrypt_pb.ts";

const agentToken = "agent-token";

/** Tokens, and the roles of who holds them. */
const people: Record<string, { username: string; accountType: string; roles: string[] }> = {
  "admin-token": { username: "kyle", accountType: "human", roles: ["admin"] },
  "user-token": { username: "anna", accountType: "human", roles: ["user"] },
  "guest-token": { username: "gast", accountType: "human", roles: ["guest"] },
};

export class Wire implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly routes = new Map<string, string>();
  readonly records = new Map<string, string>();
  readonly blobs = new Map<string, { type: string; bytes: Uint8Array<ArrayBuffer> }>();
  readonly tags = new Map<string, string>();
  readonly root: MadeIssuer;
  readonly #files: CertificateFiles;
  readonly #stack = new AsyncDisposableStack();
  #grpc = "";
  #mcr = "";

  private constructor(root: MadeIssuer, files: CertificateFiles) {
    this.root = root;
    this.#files = files;
  }

  static async start(): Promise<Wire> {
    const root = await createRoot({ name: "Test Root", days: 400 });
    const key = await generateKey("P-256");
    const folder = Deno.makeTempDirSync();
    const cert = join(folder, "cert.pem");
    const keyFile = join(folder, "key.pem");
    Deno.writeTextFileSync(cert, await signLeaf(root, key.publicKey, { names: ["localhost", "127.0.0.1"] }));
    Deno.writeTextFileSync(keyFile, await exportKeyPem(key));
    const files = CertificateFiles.load({ cert, key: keyFile, log: silentLogger, pollMs: 0 });
    const wire = new Wire(root, files);
    Deno.removeSync(wire.folder);
    Object.assign(wire, { folder });
    await wire.#listen();
    return wire;
  }

  /** The agent's config over these neighbours, written to a file. */
  config(deno: string): string {
    const at = (name: string, text: string) => {
      Deno.mkdirSync(join(this.folder, name, ".."), { recursive: true });
      Deno.writeTextFileSync(join(this.folder, name), text, { mode: 0o600 });
    };
    at("root.pem", this.root.certificatePem);
    at("srv/mcpagent/token", `${agentToken}\n`);
    const peer = (name: string) => `[${name}]\naddress = "${this.#grpc}"\nserver_name = "localhost"\n`;
    at(
      "srv/mcpagent/agent.toml",
      `[server]
rest_addr = "127.0.0.1:0"
grpc_addr = "127.0.0.1:0"
tls_cert = "../../cert.pem"
tls_key = "../../key.pem"
shutdown_timeout_ms = 2000
[log]
level = "error"
[node]
name = "local"
service_zone = "svc.test"
srv_dir = ".."
drain_ms = 10
[deno]
path = "${deno}"
${peer("mcias")}ca_cert = "../../root.pem"
${peer("metacrypt")}
${peer("mcns")}
[mcproxy]
admin_socket = "unix:../../admin.sock"
health_socket = "unix:../../rest.sock"
certs_dir = "../mcproxy/certs"
[[mcproxy.listeners]]
port = 443
name = "https"
[mcr]
address = "${this.#mcr}"
server_name = "localhost"
registry_name = "mcr.test:8443"
`,
    );
    return join(this.folder, "srv/mcpagent/agent.toml");
  }

  /** Puts a program into the registry. */
  async push(repository: string, tag: string, program: string): Promise<void> {
    const layer = await packFiles(new Map([["main.js", new TextEncoder().encode(program)]]));
    const config = new TextEncoder().encode(JSON.stringify({
      name: repository,
      version: tag,
      declaration: { program: repository },
      config_defaults: {},
      entry: "main.js",
    }));
    const manifest = new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: bundleTypes.artifact,
      config: this.#blob(bundleTypes.config, config),
      layers: [this.#blob(bundleTypes.layer, layer)],
    }));
    this.tags.set(`${repository}:${tag}`, this.#blob("application/vnd.oci.image.manifest.v1+json", manifest).digest);
  }

  #blob(mediaType: string, bytes: Uint8Array<ArrayBuffer>): { mediaType: string; digest: string; size: number } {
    const digest = digestOf(bytes);
    this.blobs.set(digest, { type: mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  }

  async #listen(): Promise<void> {
    const mcr = await serveHttp({
      address: "127.0.0.1:0",
      tls: this.#files,
      log: silentLogger,
      fetch: (request) => this.#registry(request),
    });
    this.#mcr = mcr.address;
    this.#stack.defer(() => mcr.close(0));
    const grpc = await serveGrpc({
      address: "127.0.0.1:0",
      tls: this.#files,
      log: silentLogger,
      authenticate: (token) =>
        Promise.resolve(
          token === agentToken
            ? { subject: "1", username: "mcp-agent", accountType: "system", roles: [], tokenId: "1" }
            : null,
        ),
      operations: [...this.#mcias(), ...this.#metacrypt(), ...this.#mcns()],
    });
    this.#grpc = grpc.address;
    this.#stack.defer(() => grpc.close(0));
    const proxy = await serveGrpc({
      address: `unix:${join(this.folder, "admin.sock")}`,
      authenticate: "local",
      log: silentLogger,
      operations: this.#mcproxy(),
    });
    this.#stack.defer(() => proxy.close(0));
  }

  #registry(request: Request): Response {
    const { pathname } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    if (pathname === "/v2/token" && authorization === `Basic ${btoa(`mcp-agent:${agentToken}`)}`) {
      return Response.json({ token: "pull-token", expires_in: 300 });
    }
    if (authorization !== "Bearer pull-token") {
      const challenge = 'Bearer realm="https://localhost/v2/token",service="mcr"';
      return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
    }
    const [, repository, , reference] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    const found = this.blobs.get(this.tags.get(`${repository}:${reference}`) ?? reference ?? "");
    if (found === undefined) {
      const body = { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] };
      return Response.json(body, { status: 404 });
    }
    return new Response(found.bytes, {
      headers: { "content-type": found.type, "docker-content-digest": digestOf(found.bytes) },
    });
  }

  #mcias(): Operation[] {
    return only(TokenService, {
      validateToken: ({ token }) => {
        const person = people[token];
        if (person === undefined) return { valid: false };
        return { valid: true, identity: { subject: token, tokenId: token, ...person } };
      },
    });
  }

  #metacrypt(): Operation[] {
    return only(CaService, {
      signCertificate: async ({ csrPem, mount }) => {
        const { names } = await readCsr(csrPem);
        const chainPem = await signLeaf(this.root, csrPem, { names });
        return { mount, names, chainPem, notAfter: timestampFromDate(new Date()) };
      },
      revokeCertificate: ({ serial }) => ({ serial }),
    });
  }

  #mcns(): Operation[] {
    return only(RecordService, {
      setRecords: ({ zone, name, type, values }) => {
        this.records.set(`${name}.${zone} ${type}`, values.join());
        return {};
      },
      deleteRecords: ({ zone, name, type }) => {
        this.records.delete(`${name}.${zone} ${type}`);
        return {};
      },
    });
  }

  #mcproxy(): Operation[] {
    return [
      ...only(RouteService, {
        getRoute: ({ listener, hostname }) => {
          const backend = this.routes.get(`${listener} ${hostname}`);
          if (backend === undefined) throw notFound("route", hostname);
          return { listener, hostname, backends: [backend] };
        },
        putRoute: ({ listener, hostname, backends }) => {
          this.routes.set(`${listener} ${hostname}`, backends[0]!);
          return { listener, hostname, backends };
        },
        deleteRoute: ({ listener, hostname }) => ({ deleted: this.routes.delete(`${listener} ${hostname}`) }),
      }),
      ...only(CertificateService, { reloadCertificates: () => ({}) }),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    this.#files.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A service of which the agent calls only these operations. */
function only<S extends DescService>(service: S, handlers: Partial<Handlers<S>>): Operation[] {
  const rest = Object.fromEntries(
    service.methods.filter(({ localName }) => !(localName in handlers)).map(({ localName }) => [localName, () => {
      throw unavailable(`${localName} is not part of this test`);
    }]),
  );
  return implement(service, { ...rest, ...handlers } as Handlers<S>);
}
