/** The definitions of the platform's own services, for the agent to boot. */
import { stringify } from "@std/toml";
import { writeWhole } from "./files.ts";
import type { PlatformService } from "../programs.ts";
import { type Layout, loopback } from "./layout.ts";

const stages: Record<PlatformService, string> = {
  mcias: "foundation",
  metacrypt: "core",
  mcns: "core",
  mcproxy: "ingress",
  mcr: "registry",
};

/** A service's definition. @param image "bundle:<sha256>" at first, an image of the registry later */
export function definitionOf(layout: Layout, service: PlatformService, image: string): string {
  const health = service === "mcproxy"
    ? { http: "/v1/health", address: `unix:${layout.srv("mcproxy", "run", "rest.sock")}` }
    : { http: "/v1/health", address: `${loopback}:${layout.ports[service].rest}`, tls: true };
  return stringify({
    name: service,
    stage: stages[service],
    components: [{
      name: "server",
      image,
      cmd: ["server", "--config", layout.srv(service, `${service}.toml`)],
      health,
    }],
  });
}

/** Where the agent looks for them. */
export function writeDefinition(layout: Layout, service: PlatformService, sha256: string): void {
  writeWhole(
    layout.srv("mcpagent", "platform", `${service}.toml`),
    definitionOf(layout, service, `bundle:${sha256}`) + "\n",
  );
}
