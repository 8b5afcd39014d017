import type { ServiceDefinition } from "@lib/definition/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { ComponentRelease, RouteBinding } from "../domain/release.ts";
import { pause } from "../runtime/pause.ts";
import type { Supervisor } from "../runtime/supervisor.ts";
import type { ServiceRow } from "../store/service_store.ts";
import type { AgentNode } from "./agent_node.ts";
import { definitionOf, type Handover, readyComponent, supervise } from "./component.ts";
import { claimFixedPort, claimPort, isFree, refuseBusy } from "./host_ports.ts";
import { bindRoutes, type Plan } from "./plan.ts";
import { startCommitted } from "./start.ts";
import type { Steps } from "./steps.ts";

/** Another program may take a picked port before ours binds it; three times in a row is no accident. */
const portAttempts = 3;

interface Candidate {
  release: ComponentRelease;
  supervisor: Supervisor;
  handover: Handover;
}

/** The new processes of one deploy, beside the old ones, until one or the other go. */
export class Rollout {
  readonly #node: AgentNode;
  readonly #definition: ServiceDefinition;
  readonly #before: ServiceRow | null;
  readonly #plan: Plan;
  readonly #anew: boolean;
  #pulled: readonly ComponentRelease[] = [];
  readonly #candidates = new Map<string, Candidate>();
  /** Running components that are as the definition wants them. */
  readonly #kept = new Map<string, ComponentRelease>();
  /** Components that were stopped to make way. */
  readonly #stopped = new Set<string>();

  /** @param anew also components that are as they should be are started anew */
  constructor(
    node: AgentNode,
    definition: ServiceDefinition,
    before: ServiceRow | null,
    plan: Plan,
    anew: boolean,
  ) {
    this.#node = node;
    this.#definition = definition;
    this.#before = before;
    this.#plan = plan;
    this.#anew = anew;
  }

  get service(): string {
    return this.#definition.name;
  }

  /** Whether a process of the release before was stopped already. */
  get madeWay(): boolean {
    return this.#stopped.size > 0;
  }

  /** What the components run, without ports yet. */
  take(pulled: readonly ComponentRelease[]): void {
    this.#pulled = pulled;
  }

  /** Starts every component that isn't as it should be and waits until it is healthy. */
  async start(steps: Steps): Promise<void> {
    for (const definition of this.#definition.components) {
      const pulled = this.#pulled.find(({ name }) => name === definition.name)!;
      const same = this.#anew ? null : this.#unchanged(pulled);
      if (same !== null) {
        this.#kept.set(definition.name, same);
        steps.report("start", "skipped", `${definition.name} runs ${same.version} already`);
        continue;
      }
      for (let attempt = 1;; attempt++) {
        try {
          await this.#startOne(definition.name, pulled, steps);
          break;
        } catch (error) {
          if (attempt === portAttempts || !await this.#lostPort(definition.name)) throw error;
          steps.report("port", "started", "another program has taken the port; picking again");
        }
      }
    }
  }

  /** The ingress's routes to the new processes. */
  routes(): RouteBinding[] {
    const portOf = (component: string, route: string) =>
      this.releases().find(({ name }) => name === component)!.ports[route]!;
    return bindRoutes(this.#plan, this.#node.settings.nodeAddress, portOf);
  }

  /** In the definition's order. */
  releases(): ComponentRelease[] {
    return this.#definition.components.map(({ name }) => this.#kept.get(name) ?? this.#candidates.get(name)!.release);
  }

  /** After the commit: the new processes are the service's; the old ones are drained and stopped. */
  async retire(steps: Steps, drainMs: number): Promise<void> {
    const { fleet, stopping } = this.#node;
    const service = this.#definition.name;
    const old: Supervisor[] = [];
    for (const [name, { supervisor }] of this.#candidates) {
      supervisor.confirm();
      const before = fleet.replace(service, name, supervisor);
      if (before !== null) old.push(before);
    }
    for (const name of fleet.of(service).keys()) {
      if (!this.#definition.components.some((component) => component.name === name)) {
        old.push(fleet.take(service, name)!);
      }
    }
    if (old.length === 0) return;
    await steps.run("stop", `${old.length} old process${old.length === 1 ? "" : "es"}`, async () => {
      if (this.#plan.routes.length > 0) await pause(drainMs, stopping);
      await Promise.all(old.map((supervisor) => supervisor.stop()));
    }, () => "old version stopped");
  }

  /** After a failure: the new processes are stopped, old ones that made way are started again. @returns what failed */
  async abandon(): Promise<string[]> {
    await Promise.all([...this.#candidates.values()].map(({ supervisor }) => supervisor.stop()));
    if (this.#stopped.size === 0 || this.#before === null || this.#before.desired === "stopped") return [];
    try {
      await startCommitted(this.#node, this.#before, [...this.#stopped]);
      return [];
    } catch (error) {
      return [`the version before does not start: ${messageOf(error)}`];
    }
  }

  /** The component's release when it runs already as the definition says. */
  #unchanged(pulled: ComponentRelease): ComponentRelease | null {
    const before = this.#before;
    const release = before?.release.components.find(({ name }) => name === pulled.name);
    if (before === null || release === undefined || release.bundle !== pulled.bundle) return null;
    const supervisor = this.#node.fleet.get(before.name, pulled.name);
    if (supervisor === null || supervisor.observed().health !== "healthy") return null;
    const old = definitionsOf(before).find(({ name }) => name === pulled.name);
    const now = this.#definition.components.find(({ name }) => name === pulled.name);
    // The image's spelling may differ (tag or digest) where the program doesn't.
    const same = JSON.stringify({ ...old, image: null }) === JSON.stringify({ ...now, image: null });
    return same ? { ...release, image: pulled.image, digest: pulled.digest } : null;
  }

  async #startOne(name: string, pulled: ComponentRelease, steps: Steps): Promise<void> {
    const node = this.#node;
    const service = this.#definition.name;
    const definition = this.#definition.components.find((component) => component.name === name)!;
    const old = node.fleet.get(service, name);
    const ports: Record<string, number> = {};
    for (const { name: route, hostPort } of definition.routes) {
      ports[route] = await steps.run(
        "port",
        `route ${route}`,
        () => {
          if (hostPort === null) return Promise.resolve(claimPort(node, service, name, route));
          claimFixedPort(node, service, name, route, hostPort, old !== null);
          return Promise.resolve(hostPort);
        },
        (port) => `${name} ${route}: ${port}`,
      );
    }
    const release: ComponentRelease = { ...pulled, ports };
    const ready = readyComponent(node, service, definition, release, this.#before?.platform ?? false);
    const { handover } = ready;
    const supervisor = supervise(node, ready, handover === "overlap" && old !== null, true);
    // Known from here on, so that a failure stops it.
    this.#candidates.set(name, { release, supervisor, handover });
    await steps.run("start", `${name} ${release.version}`, async () => {
      if (handover === "after" && old !== null) {
        this.#stopped.add(name);
        await old.stop();
        for (const { hostPort } of definition.routes) if (hostPort !== null) refuseBusy(node, hostPort);
      }
      supervisor.start();
    }, () => `${name} ${release.version}, pid ${supervisor.observed().pid}`);
    const since = performance.now();
    await steps.run(
      "health",
      name,
      () => supervisor.healthy(node.stopping),
      () => `${name} is healthy after ${Math.round(performance.now() - since)} ms`,
    );
  }

  /** Whether a start failed because a picked port was taken by another program; gives up the ports then. */
  async #lostPort(name: string): Promise<boolean> {
    const candidate = this.#candidates.get(name);
    if (candidate === undefined || candidate.supervisor.observed().pid !== 0) return false;
    await candidate.supervisor.stop();
    const { routes } = this.#definition.components.find((component) => component.name === name)!;
    const { nodeAddress } = this.#node.settings;
    const lost = routes.some(({ name: route, hostPort }) =>
      hostPort === null && !isFree(nodeAddress, candidate.release.ports[route]!)
    );
    if (!lost) return false;
    for (const [route, port] of Object.entries(candidate.release.ports)) {
      this.#node.registry.claims.drop(this.#definition.name, { kind: "port", port, component: name, route });
    }
    return true;
  }
}

function definitionsOf(row: ServiceRow): ServiceDefinition["components"] {
  return definitionOf(row.release).components;
}
