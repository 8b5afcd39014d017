import { quote } from "@lib/errors/mod.ts";
import { RegistryError } from "../domain/registry_error.ts";

/**
 * `https://host[:port]` as the client knows us, from its Host header: the same
 * registry answers on loopback and under its service name.
 * @throws RegistryError UNSUPPORTED, status 400, when the header isn't host[:port]: it would end up in a header of ours
 */
export function externalUrl(request: Request): string {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::(\d{1,5}))?$/.exec(host);
  if (match === null || Number(match[2] ?? 443) > 65_535) {
    throw new RegistryError("UNSUPPORTED", `The Host header ${quote(host)} is not host[:port]`, { status: 400 });
  }
  return `https://${host}`;
}
