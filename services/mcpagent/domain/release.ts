/**
 * A release: everything that a service holds on this node when it runs as one
 * definition says. Two releases of a service exist only during a deploy: the committed
 * one, which a failure goes back to, and the candidate.
 * @module
 */

export interface Release {
  /** The definition's TOML, as it was sent. */
  readonly definition: string;
  /** The name it is called by in messages. */
  readonly fileName: string;
  readonly stage: string;
  readonly components: readonly ComponentRelease[];
  readonly routes: readonly RouteBinding[];
  readonly records: readonly RecordBinding[];
  /** Names of the certificate that the ingress presents for the service's L7 routes; empty: none is needed. */
  readonly certificateNames: readonly string[];
}

export interface ComponentRelease {
  readonly name: string;
  /** As written in the definition. */
  readonly image: string;
  /** The manifest's digest, "sha256:…"; "" for a bundle that the bootstrap laid down. */
  readonly digest: string;
  /** The folder of its program below the bundles. */
  readonly bundle: string;
  readonly version: string;
  /** Host port by route name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** One route of the ingress. */
export interface RouteBinding {
  readonly listener: string;
  readonly hostname: string;
  readonly mode: "l4" | "l7";
  /** "127.0.0.1:port". */
  readonly backend: string;
}

/** The values of one name and type in DNS. */
export interface RecordBinding {
  readonly zone: string;
  /** Relative to the zone. */
  readonly name: string;
  readonly type: "A" | "AAAA";
  readonly values: readonly string[];
}

/**
 * What a service holds outside the agent's memory. It is written to the registry before it is made, and removed
 * after it is gone, so that after a crash at any moment the registry names at least what there is.
 */
export type Claim =
  | { readonly kind: "port"; readonly port: number; readonly component: string; readonly route: string }
  | { readonly kind: "route"; readonly listener: string; readonly hostname: string }
  | { readonly kind: "record"; readonly zone: string; readonly name: string; readonly type: "A" | "AAAA" }
  | { readonly kind: "certificate"; readonly service: string };

/** A claim's identity: two claims with one key are the same thing, and one service holds it. */
export function claimKey(claim: Claim): string {
  switch (claim.kind) {
    case "port":
      return String(claim.port);
    case "route":
      return `${claim.listener} ${claim.hostname}`;
    case "record":
      return `${claim.zone} ${claim.name} ${claim.type}`;
    case "certificate":
      return claim.service;
  }
}

/** In words, for messages. */
export function claimText(claim: Claim): string {
  switch (claim.kind) {
    case "port":
      return `port ${claim.port}`;
    case "route":
      return `route ${claim.hostname} on listener ${claim.listener}`;
    case "record":
      return `${claim.type} record ${claim.name} in ${claim.zone}`;
    case "certificate":
      return `certificate of ${claim.service}`;
  }
}

/** Everything that a release needs. A stopped service keeps its ports and certificate and gives up routes and records. */
export function claimsOf(service: string, release: Release, desired: "running" | "stopped"): Claim[] {
  const claims: Claim[] = release.components.flatMap((component) =>
    Object.entries(component.ports).map(([route, port]): Claim => ({
      kind: "port",
      port,
      component: component.name,
      route,
    }))
  );
  if (release.certificateNames.length > 0) claims.push({ kind: "certificate", service });
  if (desired === "stopped") return claims;
  for (const { listener, hostname } of release.routes) claims.push({ kind: "route", listener, hostname });
  for (const { zone, name, type } of release.records) claims.push({ kind: "record", zone, name, type });
  return claims;
}
