/**
 * What a deploy asks of the other parts of the platform. clients/ has the real ones. Each call is idempotent and
 * throws PlatformError; "unavailable" names the part, its address and what to do.
 * @module
 */
import type { ImageReference } from "@lib/definition/mod.ts";
import type { RecordBinding, RouteBinding } from "../domain/release.ts";

/** MC-Proxy. */
export interface Ingress {
  /** @param certificate PEM files for an L7 route */
  putRoute(route: RouteBinding, certificate: { cert: string; key: string } | null): Promise<void>;
  /** A route that isn't there is no error. */
  deleteRoute(listener: string, hostname: string): Promise<void>;
  /** Has the certificate files read again. */
  reloadCertificates(): Promise<void>;
}

/** MCNS. */
export interface Names {
  /** Makes the values of the name and type exactly these. */
  setRecord(record: RecordBinding): Promise<void>;
  /** A record that isn't there is no error. */
  deleteRecord(zone: string, name: string, type: string): Promise<void>;
}

/** Metacrypt. */
export interface Issuer {
  /** @returns leaf and issuers, PEM */
  sign(csrPem: string): Promise<string>;
  /** A certificate that isn't there or is revoked already is no error. @param serial hex */
  revoke(serial: string): Promise<void>;
}

/** MCR. */
export interface Images {
  /** Brings the image's program onto this node. @returns the manifest's digest and the bundle's folder name */
  pull(image: ImageReference & { kind: "registry" }, signal: AbortSignal): Promise<{ digest: string; bundle: string }>;
}

export interface Neighbours {
  readonly ingress: Ingress;
  readonly names: Names;
  readonly issuer: Issuer;
  readonly images: Images;
}
