/**
 * Client of OCI registries, for the agent and the command-line tools, and Deno
 * bundles as artifacts in them.
 * @module
 */
export { digestOf, verifyDigest } from "./digest.ts";
export {
  type CallOptions,
  type Descriptor,
  type PulledManifest,
  RegistryClient,
  type RegistryOptions,
  type Transport,
} from "./registry_client.ts";
export {
  type BundleConfig,
  bundleTypes,
  pullBundle,
  type PulledBundle,
  pushBundle,
  type PushedBundle,
} from "./bundle.ts";
