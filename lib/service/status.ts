import { messageOf, unavailable } from "@lib/errors/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import type { ServiceContext } from "./program.ts";

interface ConfigWithServer {
  server?: { rest_addr: string; ca_cert: string; tls_cert: string };
}

/** Asks the server that runs with this config for its health and prints it. 0 when it serves, 1 when not. */
export async function printStatus(context: ServiceContext<unknown>): Promise<number> {
  const server = (context.config as ConfigWithServer).server;
  if (!server) throw unavailable(`${context.name} has no API to ask`);
  const ca = server.ca_cert === "" ? "" : Deno.readTextFileSync(server.ca_cert);
  const client = new HttpsClient({ address: server.rest_addr, serverName: "localhost", ca });
  try {
    const response = await client.request({ method: "GET", path: "/v1/health" });
    const text = await new Response(response.body).text();
    const health = JSON.parse(text) as {
      status: string;
      version: string;
      started_at: string;
      sealed: boolean;
      reasons: string[];
    };
    console.log(
      `${context.name} ${health.version}: ${health.status}${
        health.sealed ? " (sealed)" : ""
      }, since ${health.started_at}`,
    );
    for (const reason of health.reasons) console.log(`  ${reason}`);
    return health.status === "serving" ? 0 : 1;
  } catch (error) {
    console.log(`${context.name}: no answer at ${server.rest_addr}: ${messageOf(error)}`);
    return 1;
  } finally {
    client.close();
  }
}
