/** What the order of starting depends on. */
export interface Bootable {
  readonly name: string;
  readonly stage: string;
  /** Names of services that should be up before. */
  readonly dependsOn: readonly string[];
}

/**
 * Groups of services in the order in which they start: stage by stage, and within a stage those first that others
 * depend on. The members of a group start side by side. A dependency on a later stage or an unknown service
 * is left out, and a circle is cut by starting its members together: a start that is late is better than none.
 * @param stages names in order; a service of an unknown stage comes last
 */
export function bootGroups<S extends Bootable>(services: readonly S[], stages: readonly string[]): S[][] {
  const groups: S[][] = [];
  const stageOf = (service: S) => stages.includes(service.stage) ? stages.indexOf(service.stage) : stages.length;
  for (let stage = 0; stage <= stages.length; stage++) {
    let waiting = services.filter((service) => stageOf(service) === stage);
    while (waiting.length > 0) {
      const names = new Set(waiting.map((service) => service.name));
      const ready = waiting.filter((service) =>
        !service.dependsOn.some((name) => name !== service.name && names.has(name))
      );
      const group = ready.length > 0 ? ready : waiting;
      groups.push([...group].sort((a, b) => a.name < b.name ? -1 : 1));
      waiting = waiting.filter((service) => !group.includes(service));
    }
  }
  return groups;
}
