/** Queries as they are answered, for a caller who looks on. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { ClientNetworks } from "../dns/client_networks.ts";
import type { AnsweredQuery, QueryLog } from "../dns/query_log.ts";
import { parseIpv4, parseIpv6 } from "../domain/ip_address.ts";
import { DomainName, isAtOrBelow } from "../domain/name.ts";

/** Which queries a watcher wants; null for all. */
export interface QueryFilter {
  /** Key: at or below it. */
  readonly name: string | null;
  readonly client: ClientNetworks | null;
}

/** Queries kept for a watcher that reads more slowly than they come; then the oldest go. */
const maxWaiting = 1000;

/** Yields queries from now on until `signal` aborts. */
export async function* watchQueries(
  log: Pick<QueryLog, "watch">,
  { name, client }: QueryFilter,
  signal: AbortSignal,
): AsyncGenerator<AnsweredQuery, void, undefined> {
  const waiting: AnsweredQuery[] = [];
  let wake = Promise.withResolvers<void>();
  const stop = log.watch((query) => {
    if (name !== null && !isAtOrBelow(query.key, name)) return;
    if (client !== null && !client.has(query.client.address)) return;
    if (waiting.length >= maxWaiting) waiting.shift();
    waiting.push(query);
    wake.resolve();
  });
  const ended = () => wake.resolve();
  signal.addEventListener("abort", ended);
  try {
    while (!signal.aborted) {
      if (waiting.length === 0) {
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
      while (waiting.length > 0 && !signal.aborted) yield waiting.shift()!;
    }
  } finally {
    signal.removeEventListener("abort", ended);
    stop();
  }
}

/** Reads a filter; "" stands for all. `client` is an address or a network. Throws Invalid. */
export function parseQueryFilter({ name, client }: { name: string; client: string }): QueryFilter {
  return {
    name: name === "" ? null : DomainName.parse(name, "name").key,
    client: client === "" ? null : parseNetwork(client),
  };
}

function parseNetwork(text: string): ClientNetworks {
  const [ip = "", bits, ...more] = text.split("/");
  const octets = parseIpv4(ip) ?? parseIpv6(ip);
  const fits = bits === undefined || /^\d{1,3}$/.test(bits) && octets !== null && Number(bits) <= octets.length * 8;
  if (octets === null || !fits || more.length > 0) {
    throw invalid("client", `must be an IP address or a network like 10.0.0.0/8, got ${quote(text)}`);
  }
  return new ClientNetworks([text]);
}
