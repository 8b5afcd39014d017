import type { Supervisor } from "./supervisor.ts";

/** The components that run, by service. */
export class Fleet {
  readonly #services = new Map<string, Map<string, Supervisor>>();

  get(service: string, component: string): Supervisor | null {
    return this.#services.get(service)?.get(component) ?? null;
  }

  /** A service's components, by name. */
  of(service: string): ReadonlyMap<string, Supervisor> {
    return this.#services.get(service) ?? new Map();
  }

  services(): string[] {
    return [...this.#services.keys()];
  }

  /** Puts a component in the place of the one before it, which is returned still running. */
  replace(service: string, component: string, supervisor: Supervisor): Supervisor | null {
    const components = this.#services.get(service) ?? new Map<string, Supervisor>();
    this.#services.set(service, components);
    const before = components.get(component) ?? null;
    components.set(component, supervisor);
    return before;
  }

  /** Forgets a component and returns it still running. */
  take(service: string, component: string): Supervisor | null {
    const components = this.#services.get(service);
    const found = components?.get(component) ?? null;
    components?.delete(component);
    if (components?.size === 0) this.#services.delete(service);
    return found;
  }

  /** Stops and forgets every component of a service, side by side. */
  async stop(service: string): Promise<void> {
    const components = [...this.of(service).keys()].map((component) => this.take(service, component)!);
    await Promise.all(components.map((component) => component.stop()));
  }
}
