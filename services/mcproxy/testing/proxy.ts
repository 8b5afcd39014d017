/**
 * A whole proxy for tests: real listeners on free ports, a temporary folder, a root of its own.
 * @module
 */
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import { createRoot, exportKeyPem, generateKey, type MadeIssuer, signLeaf } from "@lib/pki/mod.ts";
import { schema } from "../config.ts";
import type { RouteInput } from "../domain/route.ts";
import type { StoredRoute } from "../store/route_store.ts";
import type { ServedCertificate } from "../tls/certificate_folder.ts";
import { type RunningProxy, startServer } from "../server.ts";

/** A route on the listener "https"; what isn't said is empty. */
export type TestRoute = Partial<RouteInput> & Pick<RouteInput, "hostname" | "mode" | "backends">;

/** A started proxy with what tests need around it. */
export interface TestProxy extends AsyncDisposable {
  /** Temporary folder: mcproxy.toml, certs/, data/, run/. */
  readonly dir: string;
  /** The root, PEM. */
  readonly ca: string;
  readonly running: RunningProxy;
  /** Port of the listener "https". */
  readonly port: number;
  readonly adminSocket: string;
  /** Issues a certificate and writes `certs/<file>.pem` and `.key`. */
  certify(file: string, names: string[], notAfter?: Date): Promise<void>;
  /** Sets a route on the listener "https". */
  put(route: TestRoute): void;
  routes(): StoredRoute[];
  /** What is served for each L7 route, in order of names. */
  certificates(): ServedCertificate[];
  /** Stops it and starts another on the same folder; the port changes. */
  restart(): Promise<void>;
  /** Starts a second one beside it on the same folder, as at a restart without a gap. */
  beside(): Promise<RunningProxy>;
}

let root: Promise<MadeIssuer> | undefined;

/**
 * Starts a proxy.
 * @param toml sections beyond the listener "https" and the folders; may name `limits`, `backends`, `routes`
 */
export async function testProxy(toml = "", certificates: Record<string, string[]> = {}): Promise<TestProxy> {
  const dir = await Deno.makeTempDir({ prefix: "mcproxy-" });
  for (const folder of ["certs", "run"]) await Deno.mkdir(join(dir, folder));
  const file = join(dir, "mcproxy.toml");
  await Deno.writeTextFile(
    file,
    `[[listeners]]\nname = "https"\naddr = "127.0.0.1:0"\n[metrics]\naddr = "127.0.0.1:0"\n` +
      `[certificates]\npoll_ms = 100\n[server]\nshutdown_timeout_ms = 500\n${toml}`,
  );
  const issuer = await (root ??= createRoot({ name: "Test root", days: 40 }));
  const certify = async (name: string, names: string[], notAfter?: Date) => {
    const key = await generateKey("P-256");
    const dayBefore = new Date((notAfter ?? new Date()).getTime() - 86_400_000);
    const cert = await signLeaf(issuer, key.publicKey, {
      names,
      wildcard: true,
      ...(notAfter ? { notAfter, notBefore: dayBefore } : {}),
    });
    await Deno.writeTextFile(join(dir, "certs", `${name}.key`), await exportKeyPem(key));
    await Deno.writeTextFile(join(dir, "certs", `${name}.pem`), cert);
  };
  for (const [name, names] of Object.entries(certificates)) await certify(name, names);
  const start = () =>
    startServer({
      config: loadConfig({ schema, service: "mcproxy", file, environment: () => undefined }).config,
      log: silentLogger,
      clock: systemClock,
      metrics: new Registry(),
      name: "mcproxy",
      version: "test",
      startedAt: new Date(),
    });
  let first: RunningProxy;
  try {
    first = await start();
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
  const proxy = {
    dir,
    ca: issuer.certificatePem,
    running: first,
    adminSocket: join(dir, "run", "admin.sock"),
    get port() {
      return Number(proxy.running.listeners.all()[0]!.address.split(":").at(-1));
    },
    certify,
    put(route: TestRoute) {
      proxy.running.router.put({ listener: "https", tlsCert: "", tlsKey: "", ...route });
    },
    routes: () => proxy.running.routes.list("", null, 1000),
    certificates: () =>
      [...proxy.running.router.routes()].flatMap((live) => proxy.running.router.certificateOf(live) ?? []),
    async restart() {
      await proxy.running[Symbol.asyncDispose]();
      proxy.running = await start();
    },
    beside: start,
    async [Symbol.asyncDispose]() {
      await proxy.running[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
  return proxy;
}

/** The TOML of an L7 seed route whose certificate is `certs/<file>.pem`. */
export function l7Route(hostname: string, file: string, ...ports: number[]): string {
  const backends = ports.map((port) => `"127.0.0.1:${port}"`).join(", ");
  return `[[routes]]\nlistener = "https"\nhostname = "${hostname}"\nmode = "l7"\nbackends = [${backends}]\n` +
    `tls_cert = "${file}.pem"\ntls_key = "${file}.key"\n`;
}

/** The TOML of an L4 seed route. */
export function l4Route(hostname: string, ...ports: number[]): string {
  const backends = ports.map((port) => `"127.0.0.1:${port}"`).join(", ");
  return `[[routes]]\nlistener = "https"\nhostname = "${hostname}"\nmode = "l4"\nbackends = [${backends}]\n`;
}
