/**
 * PROXY protocol: read from proxies in front of us, written for backends behind.
 * @module
 */
export type { Endpoint, ProxyHeader } from "./header.ts";
export { receiveClient } from "./receive.ts";
export { TrustedSenders } from "./trusted_senders.ts";
export { writeProxyV1, writeProxyV2 } from "./write.ts";
