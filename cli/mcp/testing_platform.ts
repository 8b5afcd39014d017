/**
 * A platform for the CLI's tests: real TLS, gRPC and REST on loopback, answering from tables, because a command line's
 * tests start no service.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { join } from "node:path";
import { runCaptured } from "@lib/cli/testing/captured_run.ts";
import { implement } from "@lib/contract/mod.ts";
import { notFound } from "@lib/errors/mod.ts";
import { type GrpcServer, serveGrpc } from "@lib/grpc/mod.ts";
import { type HttpServer, serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { AgentService, type Service, ServiceSchema, StepEventSchema } from "@proto/mcp/v1/agent_pb.ts";
import { app } from "./app.ts";

export const startedAt = Date.UTC(2026, 0, 2, 3, 4, 5);

/** What one command line gave. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class TestPlatform implements AsyncDisposable {
  /** What was asked of the agent, in order. */
  readonly asked: string[] = [];
  readonly logins: string[] = [];
  /** Tokens that are good. */
  readonly tokens = new Set<string>();
  readonly services: Service[] = [hello()];
  /** What the next deploy's last step says: "" is success, else an error code. */
  deployError = "";
  problems: string[] = [];
  /** What is typed when a password is asked for. */
  typed = "";
  readonly #files: CertificateFiles;
  #grpc: GrpcServer | null = null;
  #rest: HttpServer | null = null;

  private constructor(readonly data: string, files: CertificateFiles) {
    this.#files = files;
  }

  /** @param operator the admin's password file is there to read */
  static async start(operator = true): Promise<TestPlatform> {
    const data = Deno.makeTempDirSync();
    const root = await createRoot({ name: "Test Root", days: 2 });
    const key = await generateKey("P-256");
    const file = (name: string, text: string) => {
      Deno.writeTextFileSync(join(data, name), text);
      return join(data, name);
    };
    const cert = file("cert.pem", await signLeaf(root, key.publicKey, { names: ["localhost", "127.0.0.1"] }));
    const ca = file("root.pem", root.certificatePem);
    const files = CertificateFiles.load({
      cert,
      key: file("key.pem", await exportKeyPem(key)),
      log: silentLogger,
      pollMs: 0,
    });
    const platform = new TestPlatform(data, files);
    await platform.#listen();
    if (operator) file("admin.password", "operator's password\n");
    file(
      "platform.json",
      JSON.stringify({
        ca,
        agent: platform.#grpc!.address,
        mcias: `https://${platform.#rest!.address}`,
        admin: "admin",
        admin_password_file: join(data, "admin.password"),
      }),
    );
    return platform;
  }

  /** Runs a command line against it. */
  async mcp(...args: string[]): Promise<Outcome> {
    const { code, stdout: out, stderr: err } = await runCaptured(app, args, {
      environment: (name) => name === "MCP_DATA" ? this.data : undefined,
      askPassword: () => Promise.resolve(this.typed),
    });
    return { code, out, err };
  }

  async #listen(): Promise<void> {
    this.#rest = await serveHttp({
      address: "127.0.0.1:0",
      tls: this.#files,
      log: silentLogger,
      fetch: async (request) => {
        const path = new URL(request.url).pathname;
        if (path === "/v1/auth/logout") {
          this.tokens.delete(request.headers.get("authorization")!.slice("Bearer ".length));
          return Response.json({});
        }
        const { username, password } = await request.json() as { username: string; password: string };
        this.logins.push(username);
        if (password !== `${username === "admin" ? "operator" : username}'s password`) {
          return Response.json({ title: "Unauthenticated", detail: "Unknown user or wrong password" }, { status: 401 });
        }
        const token = `token-${this.logins.length}`;
        this.tokens.add(token);
        return Response.json({ token, expires_at: new Date(Date.now() + 3_600_000).toISOString() });
      },
    });
    this.#grpc = await serveGrpc({
      address: "127.0.0.1:0",
      tls: this.#files,
      log: silentLogger,
      authenticate: (token) =>
        Promise.resolve(
          this.tokens.has(token)
            ? { subject: "1", username: "admin", accountType: "human", roles: ["admin"], tokenId: "1" }
            : null,
        ),
      operations: this.#operations(),
    });
  }

  #operations() {
    const asked = this.asked;
    const step = (step: string, state: string, detail: string, errorCode = "") =>
      create(StepEventSchema, { at: timestampFromMs(startedAt), step, state, detail, errorCode });
    const changed = (what: string) =>
      async function* ({ service }: { service: string }) {
        asked.push(`${what} ${service}`);
        yield await Promise.resolve(step("done", "ok", `${service} ${what}`));
      };
    // The generators below read what a test has set by then.
    const state = () => ({ deployError: this.deployError, problems: this.problems });
    const services = this.services;
    return implement(AgentService, {
      deploy: async function* ({ definition, fileName }) {
        asked.push(`deploy ${fileName} ${definition.length} characters`);
        yield await Promise.resolve(step("pull", "started", "hello:v1"));
        const { deployError } = state();
        yield step("pull", deployError === "" ? "ok" : "failed", "sha256:…");
        if (deployError === "") yield step("done", "ok", "hello runs web v1 at hello.svc.test");
        else yield step("done", "failed", "Cannot pull: MCR at 127.0.0.1:1 does not answer", deployError);
      },
      undeploy: changed("undeploy"),
      stopService: changed("stop"),
      startService: changed("start"),
      restartService: changed("restart"),
      shutdown: async function* () {
        asked.push("shutdown");
        yield await Promise.resolve(step("done", "ok", "every service is stopped"));
      },
      listServices: () => ({ services }),
      getService: ({ service }) => {
        const found = services.find(({ name }) => name === service);
        if (found === undefined) throw notFound("service", service, { hint: "mcp ps lists those of this node" });
        return found;
      },
      streamLogs: async function* ({ service, component, tail, follow }) {
        asked.push(`logs ${service} ${component} ${tail} ${follow}`);
        yield await Promise.resolve({ at: timestampFromMs(startedAt), component: "web", line: "up \u001b[31mred" });
      },
      getNode: () => ({
        name: "local",
        arch: "x86_64",
        agentVersion: "0.1.0",
        startedAt: timestampFromMs(startedAt),
        state: state().problems.length === 0 ? "ready" : "degraded",
        services: 1,
        running: 1,
        problems: state().problems,
      }),
      listEvents: ({ service, pageSize }) => {
        asked.push(`events ${service} ${pageSize}`);
        const event = (id: bigint, kind: string) => ({
          id,
          at: timestampFromMs(startedAt),
          service: "hello",
          component: id === 1n ? "" : "web",
          kind,
          detail: "web v1",
          actor: "anna",
        });
        return { events: [event(2n, "started"), event(1n, "deployed")] };
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#grpc?.close(0);
    await this.#rest?.close(0);
    this.#files.close();
    await Deno.remove(this.data, { recursive: true });
  }
}

function hello(): Service {
  return create(ServiceSchema, {
    name: "hello",
    state: "running",
    stage: "applications",
    deployedAt: timestampFromMs(startedAt),
    deployedBy: "anna",
    definition: 'name = "hello"',
    hostnames: ["hello.svc.test"],
    components: [{
      name: "web",
      image: "mcr.test:8443/hello:v1",
      digest: "sha256:1234",
      version: "v1",
      state: "running",
      pid: 42,
      startedAt: timestampFromMs(startedAt),
      restarts: 1,
      lastExitCode: 143,
      health: "healthy",
      routes: [{ name: "main", port: 443, hostPort: 12_345, mode: "l7", hostname: "hello.svc.test" }],
      flags: [{ flag: "--allow-net=127.0.0.1:12345", reason: "listens: route main" }],
    }],
  });
}
