import type { ImageReference } from "./image.ts";

/**
 * Boot stages in the order in which they start. What a stage needs is in the stages before it:
 * identity, then certificates and names, then the ingress, then the registry, then the rest.
 */
export const stages = ["foundation", "core", "ingress", "registry", "management", "applications"] as const;
export type Stage = typeof stages[number];
/** The stage of a definition that names none. */
export const defaultStage: Stage = "applications";

export type Runtime = "deno" | "podman";
export type RestartPolicy = "always" | "unless-stopped" | "on-failure" | "no";
export type RouteMode = "l4" | "l7";

/** What a service is to be; everything defaulted, everything checked. */
export interface ServiceDefinition {
  /** Also the first label of its name in DNS. */
  readonly name: string;
  /** The node it must run on; null: any of `tier`. */
  readonly node: string | null;
  readonly tier: "core" | "worker";
  readonly active: boolean;
  /** The source folder, relative to the sources' root; default: the name. */
  readonly path: string;
  readonly stage: Stage;
  /** Per component, the file that its image is built from. */
  readonly build: Readonly<Record<string, string>>;
  /** At least one. */
  readonly components: readonly ComponentDefinition[];
}

export interface ComponentDefinition {
  readonly name: string;
  readonly image: ImageReference;
  /** null: decided by the image's artifact type. */
  readonly runtime: Runtime | null;
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly volumes: readonly Volume[];
  readonly network: string | null;
  readonly user: string | null;
  readonly restart: RestartPolicy;
  readonly connect: readonly Peer[];
  /** Names of services that should be up before. */
  readonly dependsOn: readonly string[];
  /** Between SIGTERM and SIGKILL, ms. */
  readonly stopTimeoutMs: number;
  /** null: the first route's port answers TCP or, without routes, the process stays up. */
  readonly health: HealthCheck | null;
  readonly routes: readonly RouteDefinition[];
}

export interface Volume {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** Whom a component may talk to. */
export type Peer =
  | { readonly kind: "service"; readonly name: string }
  | { readonly kind: "address"; readonly hostname: string; readonly port: number };

export interface HealthCheck {
  /** "http": 2xx or 3xx for `path`; "tcp": a connection opens. */
  readonly kind: "http" | "tcp";
  /** Of "http". */
  readonly path: string;
  /** "host:port" or "unix:/path"; null: the first route's port on loopback. */
  readonly address: string | null;
  /** Of "http": over TLS 1.3, verified by the platform's CA for `serverName`. */
  readonly tls: boolean;
  /** null: the service's own name. */
  readonly serverName: string | null;
  /** Between two checks of a healthy component, ms. */
  readonly intervalMs: number;
  /** For one check, ms. */
  readonly timeoutMs: number;
  /** So many failures in a row make it unhealthy. */
  readonly retries: number;
  /** How long a start may take until the first good answer, ms. */
  readonly startMs: number;
}

export interface RouteDefinition {
  readonly name: string;
  /** The port that callers connect to, on the ingress. */
  readonly port: number;
  readonly mode: RouteMode;
  /** null: `<service>.<service zone>`. */
  readonly hostname: string | null;
  readonly public: boolean;
  /** A fixed port on the node; null: the agent picks a free one. */
  readonly hostPort: number | null;
}
