/** What is left of a service outside its own process: looked up where each thing is, not in what the agent believes. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { grpcClient } from "@lib/grpc/mod.ts";
import { RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { serviceZone, type TestPlatform } from "../platform.ts";
import { logIn, rest } from "./rest_call.ts";

/** Processes, ports, routes, records and certificates that belong to a service, one line each. */
export async function leftOf(platform: TestPlatform, service: string): Promise<string[]> {
  const left: string[] = [];
  for (const { command } of await platform.processes()) {
    if (command.includes(`/run/${service}.`)) left.push(`process ${command.slice(-60)}`);
  }
  left.push(...claims(platform, service).map((claim) => `claim ${claim}`));

  const socket = platform.srv("mcproxy", "run", "admin.sock");
  await using ingress = grpcClient(RouteService, { address: `unix:${socket}` });
  for (const { hostname } of (await ingress.listRoutes({})).routes) {
    if (hostname === `${service}.${serviceZone}`) left.push(`route ${hostname}`);
  }

  const { body } = await rest(platform, "mcns", {
    call: `GET /v1/zones/${serviceZone}/records?name=${service}`,
    token: await logIn(platform),
  });
  for (const { name, value } of body.records as { name: string; value: string }[] ?? []) {
    left.push(`record ${name} ${value}`);
  }

  for (const { name } of Deno.readDirSync(platform.srv("mcproxy", "certs"))) {
    if (name.startsWith(`${service}.`)) left.push(`certificate ${name}`);
  }
  return left;
}

/** The agent's own rows of what it has made for a service. */
function claims(platform: TestPlatform, service: string): string[] {
  const db = new DatabaseSync(join(platform.srv("mcpagent", "data"), "registry.db"), { readOnly: true });
  try {
    return db.prepare("SELECT * FROM claims WHERE service = ?").all(service).map((row) => JSON.stringify(row));
  } finally {
    db.close();
  }
}
