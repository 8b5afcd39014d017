import { messageOf, unavailable } from "@lib/errors/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import type { ServiceContext } from "./program.ts";

interface ConfigWithServer {
  server?: { rest_addr: string; ca_cert: string };
}

interface Health {
  status: string;
  version: string;
  started_at?: string;
  sealed?: boolean;
  reasons: string[];
}

/**
 * Asks the server that runs with this config for its health, and for what it says beyond that, and prints both. 0 when
 * it serves, 1 when not.
 * @param plain where to ask by plain HTTP, for an API on a unix socket
 */
export async function printStatus(
  context: ServiceContext<unknown>,
  plain: string | null,
  print: (line: string) => void = console.log,
): Promise<number> {
  const server = (context.config as ConfigWithServer).server;
  const where = plain ?? server?.rest_addr;
  if (where === undefined) throw unavailable(`${context.name} has no API to ask`);
  let health: Health;
  let lines: string[] = [];
  try {
    if (plain === null) ({ health, lines } = await overTls(server!));
    else health = JSON.parse(await (await fetch(`http://${plain}`)).text()) as Health;
  } catch (error) {
    print(`${context.name}: no answer at ${where}: ${messageOf(error)}`);
    return 1;
  }
  const since = health.started_at === undefined ? "" : `, since ${health.started_at}`;
  print(`${context.name} ${health.version}: ${health.status}${health.sealed ? " (sealed)" : ""}${since}`);
  for (const reason of health.reasons) print(`  ${reason}`);
  for (const line of lines) print(line);
  return health.status === "serving" ? 0 : 1;
}

async function overTls(
  { rest_addr, ca_cert }: { rest_addr: string; ca_cert: string },
): Promise<{ health: Health; lines: string[] }> {
  if (ca_cert === "") throw unavailable("server.ca_cert is not set, so its certificate can't be checked");
  const client = new HttpsClient({ address: rest_addr, serverName: "localhost", ca: Deno.readTextFileSync(ca_cert) });
  try {
    const health = await client.request({ method: "GET", path: "/v1/health" });
    const answer = { health: JSON.parse(await new Response(health.body).text()) as Health, lines: [] as string[] };
    const status = await client.request({ method: "GET", path: "/v1/status" });
    const text = await new Response(status.body).text();
    // Most services have no more to say than their health.
    if (status.status === 200) answer.lines = text.trimEnd().split("\n");
    return answer;
  } finally {
    client.close();
  }
}
