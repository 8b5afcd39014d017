/**
 * A node for tests: real processes, registry, files and ports in a temporary folder; the neighbours are tables in
 * memory that can be told to fail, because a service's tests start no other service.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { imageText } from "@lib/definition/mod.ts";
import { notFound, unavailable } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, type MadeIssuer, readCsr, signLeaf } from "@lib/pki/mod.ts";
import type { Requester } from "../domain/access.ts";
import { DenoDriver } from "../runtime/deno_driver.ts";
import { Fleet } from "../runtime/fleet.ts";
import { LogFiles } from "../runtime/log_files.ts";
import { openRegistry } from "../store/registry.ts";
import type { AgentNode } from "../deploy/agent_node.ts";
import { type CertificatePair, issuePair } from "../deploy/certificates.ts";
import { Locks } from "../deploy/locks.ts";
import type { Neighbours } from "../deploy/neighbours.ts";
import { Problems } from "../deploy/problems.ts";
import { type StepReport, Steps } from "../deploy/steps.ts";

export const admin: Requester = { username: "kyle", accountType: "human", roles: ["admin"] };
export const user: Requester = { username: "anna", accountType: "human", roles: ["user"] };

/** What neighbours hold, and which of them are down. */
export class World {
  readonly routes = new Map<string, string>();
  readonly records = new Map<string, string>();
  readonly revoked: string[] = [];
  issued = 0;
  readonly down = new Set<"ingress" | "names" | "issuer" | "images">();
  /** Called before each change, e.g. to let a test look at the moment. */
  before: (what: string) => void | Promise<void> = () => {};

  async reach(part: "ingress" | "names" | "issuer" | "images", what: string): Promise<void> {
    await this.before(what);
    if (this.down.has(part)) throw unavailable(`Cannot ${what}: ${part} does not answer`);
  }
}

export class TestNode implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly world: World;
  readonly images = new Map<string, string>();
  readonly node: AgentNode;
  readonly reports: StepReport[] = [];
  readonly steps = new Steps((report) => this.reports.push(report));
  readonly #stopping = new AbortController();
  /** The folder is another's now. */
  #succeeded = false;

  private constructor(root: MadeIssuer, world: World, folder: string | null) {
    if (folder !== null) {
      Deno.removeSync(this.folder);
      this.folder = folder;
    }
    this.world = world;
    const at = (name: string) => {
      const path = join(this.folder, name);
      Deno.mkdirSync(path, { recursive: true });
      return path;
    };
    this.node = {
      settings: {
        nodeName: "local",
        nodeAddress: "127.0.0.1",
        serviceZone: "svc.test",
        srvDir: at("srv"),
        runDir: at("run"),
        cacheDir: at("cache"),
        bundlesDir: at("bundles"),
        certsDir: at("certs"),
        definitionsDir: at("platform"),
        registryName: "mcr.test:8443",
        ports: { first: 21_000, last: 29_000 },
        listeners: new Map([[443, "https"]]),
        recordAddress: "127.0.0.1",
        caCert: join(this.folder, "root.pem"),
        ca: root.certificatePem,
        backOff: { firstMs: 20, maxMs: 100, resetAfterMs: 60_000 },
        drainMs: 10,
      },
      registry: openRegistry({ path: join(this.folder, "registry.db"), clock: systemClock, log: silentLogger }),
      neighbours: neighboursOf(world, root, this.images),
      driver: new DenoDriver(Deno.execPath()),
      fleet: new Fleet(),
      logs: new LogFiles(at("logs"), systemClock, silentLogger),
      locks: new Locks(systemClock),
      problems: new Problems(),
      clock: systemClock,
      log: silentLogger,
      stopping: this.#stopping.signal,
    };
  }

  static async start(world = new World()): Promise<TestNode> {
    return new TestNode(await createRoot({ name: "Test Root", days: 400 }), world, null);
  }

  /** An agent over the same folder and world, as after a kill −9: nothing of the old one's memory is left. */
  async afterCrash(): Promise<TestNode> {
    for (const service of this.node.fleet.services()) await this.node.fleet.stop(service);
    this.close();
    this.#succeeded = true;
    const next = new TestNode(await createRoot({ name: "Test Root", days: 400 }), this.world, this.folder);
    for (const [image, bundle] of this.images) next.images.set(image, bundle);
    return next;
  }

  /** Puts a program where a pull of `image` finds it. @returns the bundle's SHA-256 */
  bundle(image: string, program: string, description: Record<string, unknown> = {}): string {
    const sha256 = createHash("sha256").update(image).update(program).digest("hex");
    const folder = join(this.node.settings.bundlesDir, sha256);
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(join(folder, "main.js"), program);
    const [, version = "0"] = image.split(":").slice(-2);
    Deno.writeTextFileSync(join(folder, "bundle.json"), JSON.stringify({ name: "hello", version, ...description }));
    this.images.set(image, sha256);
    return sha256;
  }

  /** A certificate of 90 days and its key, in files. */
  async issue(pair: CertificatePair, names: readonly string[]): Promise<void> {
    await issuePair(this.node.neighbours.issuer, pair, names, false);
  }

  /** What the ingress would get from a route's backend. */
  async ask(route: string): Promise<string> {
    const backend = this.world.routes.get(route);
    if (backend === undefined) throw new Error(`no route ${route}`);
    return await (await fetch(`http://${backend}/`)).text();
  }

  /** "step state", without the "started" ones. */
  outcome(): string[] {
    return this.reports.splice(0).filter(({ state }) => state !== "started").map(({ step, state }) =>
      `${step} ${state}`
    );
  }

  close(): void {
    this.node.logs[Symbol.dispose]();
    this.node.registry[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    if (this.#succeeded) return;
    for (const service of this.node.fleet.services()) await this.node.fleet.stop(service);
    this.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function neighboursOf(world: World, root: MadeIssuer, images: Map<string, string>): Neighbours {
  return {
    ingress: {
      async putRoute({ listener, hostname, backend }, certificate) {
        await world.reach("ingress", `route ${hostname}`);
        if (certificate !== null) Deno.statSync(certificate.cert);
        world.routes.set(`${listener} ${hostname}`, backend);
      },
      async deleteRoute(listener, hostname) {
        await world.reach("ingress", `remove route ${hostname}`);
        world.routes.delete(`${listener} ${hostname}`);
      },
      reloadCertificates: () => world.reach("ingress", "reload"),
    },
    names: {
      async setRecord({ zone, name, type, values }) {
        await world.reach("names", `set ${name}`);
        world.records.set(`${name}.${zone} ${type}`, values.join());
      },
      async deleteRecord(zone, name, type) {
        await world.reach("names", `delete ${name}`);
        world.records.delete(`${name}.${zone} ${type}`);
      },
    },
    issuer: {
      async sign(csr) {
        await world.reach("issuer", "sign");
        world.issued++;
        return await signLeaf(root, csr, { names: (await readCsr(csr)).names });
      },
      async revoke(serial) {
        await world.reach("issuer", "revoke");
        world.revoked.push(serial);
      },
    },
    images: {
      async pull(image) {
        await world.reach("images", "pull");
        const bundle = images.get(imageText(image));
        if (bundle === undefined) throw notFound("image", imageText(image));
        return { digest: `sha256:${bundle}`, bundle };
      },
    },
  };
}
