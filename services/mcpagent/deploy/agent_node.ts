/**
 * What deploys, boot and renewal work with: the node's settings, its registry, its processes, its neighbours.
 * Built once, by server.ts.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { PortRange } from "../domain/ports.ts";
import type { BackOff } from "../domain/restart.ts";
import type { ProcessDriver } from "../runtime/deno_driver.ts";
import type { Fleet } from "../runtime/fleet.ts";
import type { LaunchSettings } from "../runtime/launch.ts";
import type { LogFiles } from "../runtime/log_files.ts";
import type { Registry } from "../store/registry.ts";
import type { Locks } from "./locks.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Problems } from "./problems.ts";

export interface NodeSettings extends LaunchSettings {
  readonly nodeName: string;
  /** Without dots at its ends. */
  readonly serviceZone: string;
  readonly bundlesDir: string;
  readonly certsDir: string;
  readonly definitionsDir: string;
  /** As definitions write it. */
  readonly registryName: string;
  readonly ports: PortRange;
  /** The ingress's listener by the port that definitions write. */
  readonly listeners: ReadonlyMap<number, string>;
  /** Where services' names lead. */
  readonly recordAddress: string;
  /** The platform's root certificate, PEM. */
  readonly ca: string;
  readonly backOff: BackOff;
  /** Between a route's switch and the old process's SIGTERM, ms. */
  readonly drainMs: number;
}

export interface AgentNode {
  readonly settings: NodeSettings;
  readonly registry: Registry;
  readonly neighbours: Neighbours;
  readonly driver: ProcessDriver;
  readonly fleet: Fleet;
  readonly logs: LogFiles;
  readonly locks: Locks;
  readonly problems: Problems;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the agent is to end. */
  readonly stopping: AbortSignal;
}
