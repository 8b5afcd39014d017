/**
 * Lines of the access log in tests.
 * @module
 */
import type { AccessEntry } from "../traffic/access_line.ts";

/** A request that was answered, with what differs. */
export function accessEntry(differs: Partial<AccessEntry> = {}): AccessEntry {
  return {
    at: Date.UTC(2026, 10, 21, 8, 15, 30, 125),
    client: "192.0.2.7",
    listener: "https",
    hostname: "a.test",
    method: "GET",
    target: "/index.html",
    protocol: "h2",
    status: 200,
    requestBytes: 0,
    responseBytes: 512,
    durationMs: 12.34,
    backend: "127.0.0.1:8080",
    rule: "",
    user: "",
    userAgent: "curl/8.14.1",
    isTls: true,
    alpn: "h2",
    certificate: null,
    traceparent: "",
    requestId: "",
    isCut: false,
    ...differs,
  };
}
