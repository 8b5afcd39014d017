import { parseHostPort } from "@lib/config/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import type { ComponentDefinition, HealthCheck, Peer, RouteDefinition, Volume } from "./definition.ts";
import { type ImageReference, parseImage } from "./image.ts";
import { isHostname, isServiceName } from "./names.ts";
import type { TableReader } from "./table_reader.ts";

const componentKeys = [
  "name",
  "image",
  "runtime",
  "cmd",
  "env",
  "volumes",
  "network",
  "user",
  "restart",
  "connect",
  "depends_on",
  "stop_timeout_ms",
  "health",
  "routes",
];

/** Stands for an image that could not be read; a definition that holds it is never handed out. */
const noImage: ImageReference = { kind: "bundle", sha256: "" };

/** The tables [[components]], checked one by one and against each other. */
export function readComponents(service: TableReader, allowBundles: boolean): ComponentDefinition[] {
  const readers = service.each("components");
  if (service.table.components === undefined) {
    service.refuse(null, "has no component", "Add a table [[components]] with name and image");
  }
  const components = readers.map((reader) => readComponent(reader, allowBundles));
  const names = new Set<string>();
  const routes = new Map<string, string>();
  components.forEach(({ name, routes: own }, index) => {
    const reader = readers[index]!;
    if (names.has(name)) reader.refuse("name", `a component ${quote(name)} exists already`);
    names.add(name);
    own.forEach((route, at) => {
      // The ingress keeps one route per port and host name.
      const key = `${route.port} ${route.hostname ?? ""}`;
      const before = routes.get(key);
      if (before !== undefined) {
        reader.each("routes")[at]?.refuse(
          "port",
          `port ${route.port} of ${route.hostname ?? "the service's name"} is taken by route ${quote(before)}`,
          "Give one of them another port or hostname",
        );
      }
      routes.set(key, route.name);
    });
  });
  return components;
}

function readComponent(reader: TableReader, allowBundles: boolean): ComponentDefinition {
  reader.refuseUnknown(componentKeys);
  const name = reader.text("name", "", (text) => isServiceName(text) && text.length <= 32 ? null : nameRule);
  if (reader.table.name === undefined) reader.refuse(null, "name must be given");
  if (reader.table.image === undefined) {
    reader.refuse(null, "image must be given", 'Write image = "<registry>/<name>:<version>"');
  }
  const image = reader.text("image", null);
  return {
    name,
    image: (image === null ? null : reader.attempt("image", () => parseImage(image, "image", allowBundles))) ?? noImage,
    runtime: reader.choice("runtime", ["deno", "podman"], null),
    cmd: reader.list("cmd", (text) => text),
    env: readEnvironment(reader),
    volumes: reader.list("volumes", readVolume),
    network: reader.text("network", null),
    user: reader.text("user", null),
    restart: reader.choice("restart", ["always", "unless-stopped", "on-failure", "no"], "unless-stopped"),
    connect: reader.list("connect", readPeer),
    dependsOn: reader.list("depends_on", (text, field) => {
      if (!isServiceName(text)) throw invalid(field, `must be a service's name, got ${quote(text)}`);
      return text;
    }),
    // Longer than the 10 s in which the platform's programs drain.
    stopTimeoutMs: reader.integer("stop_timeout_ms", 15_000, 0, 600_000),
    health: readHealth(reader.below("health")),
    routes: readRoutes(reader),
  };
}

const nameRule = "must be a name of lower-case letters, digits and hyphens, a letter first, at most 32";

/**
 * Variables that steer the runtime or the dynamic linker below the sandbox: they could write files, load
 * code or open connections that no permission flag names.
 */
const steering = /^(?:LD_|DYLD_|DENO_|NODE_|OTEL_|V8_|RUST_|GLIBC_|MALLOC_|GCONV_PATH$|SSLKEYLOGFILE$)/;

function readEnvironment(reader: TableReader): Record<string, string> {
  const env: Record<string, string> = {};
  reader.list("env", (text, field) => {
    const equals = text.indexOf("=");
    const key = text.slice(0, Math.max(equals, 0));
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) throw invalid(field, `must be "KEY=value", got ${quote(text)}`);
    if (key === "PORT" || key.startsWith("PORT_")) {
      throw invalid(field, `sets ${key}, which the agent sets to the port it picked`, { hint: "Remove it" });
    }
    if (steering.test(key)) throw invalid(field, `sets ${key}, which steers the runtime below the sandbox`);
    if (key in env) throw invalid(field, `sets ${key} a second time`);
    env[key] = text.slice(equals + 1);
  });
  return env;
}

function readVolume(text: string, field: string): Volume {
  const [source = "", target = source, mode = "rw", more] = text.split(":");
  const sound = (path: string) => /^\/(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?!.*\/\/)[^,]+$/.test(path) && !path.endsWith("/");
  if (more !== undefined || !sound(source) || !sound(target) || (mode !== "rw" && mode !== "ro")) {
    throw invalid(field, `must be "/source:/target" or "/source:/target:ro", got ${quote(text)}`);
  }
  return { source, target, readOnly: mode === "ro" };
}

function readPeer(text: string, field: string): Peer {
  if (isServiceName(text)) return { kind: "service", name: text };
  const { hostname, port } = parseHostPort(text, field, 1);
  return { kind: "address", hostname, port };
}

function readHealth(reader: TableReader | null): HealthCheck | null {
  if (reader === null) return null;
  reader.refuseUnknown([
    "http",
    "tcp",
    "address",
    "tls",
    "server_name",
    "interval_ms",
    "timeout_ms",
    "retries",
    "start_ms",
  ]);
  const path = reader.text("http", null, (text) => text.startsWith("/") ? null : 'must be a path like "/v1/health"');
  const tcp = reader.flag("tcp", false);
  if (tcp && path !== null) reader.refuse("tcp", "http and tcp can't both be checked", "Keep one of them");
  if (!tcp && reader.table.http === undefined) {
    reader.refuse(null, "says nothing to check", 'Write http = "/v1/health" or tcp = true');
  }
  return {
    kind: tcp ? "tcp" : "http",
    path: path ?? "/",
    address: reader.text("address", null, (text) => {
      if (/^unix:\/./.test(text)) return null;
      try {
        parseHostPort(text, "address", 1);
        return null;
      } catch {
        return 'must be "host:port" or "unix:/path"';
      }
    }),
    tls: reader.flag("tls", false),
    serverName: reader.text("server_name", null, (text) => isHostname(text) ? null : "must be a host name"),
    intervalMs: reader.integer("interval_ms", 10_000, 100, 3_600_000),
    timeoutMs: reader.integer("timeout_ms", 2_000, 10, 60_000),
    retries: reader.integer("retries", 3, 1, 100),
    startMs: reader.integer("start_ms", 30_000, 100, 3_600_000),
  };
}

function readRoutes(component: TableReader): RouteDefinition[] {
  const names = new Set<string>();
  const ports = new Set<number>();
  return component.each("routes").map((reader) => {
    reader.refuseUnknown(["name", "port", "mode", "hostname", "public", "host_port"]);
    if (reader.table.port === undefined) reader.refuse(null, "port must be given");
    const route: RouteDefinition = {
      name: reader.text("name", "main", (text) => isServiceName(text) ? null : nameRule),
      port: reader.integer("port", 443, 1, 65_535),
      mode: reader.choice("mode", ["l4", "l7"], "l4"),
      hostname: reader.text("hostname", null, (text) => isHostname(text) ? null : "must be a host name in lower case"),
      public: reader.flag("public", false),
      hostPort: reader.integer("host_port", null, 1, 65_535),
    };
    if (names.has(route.name)) {
      reader.refuse(
        reader.table.name === undefined ? null : "name",
        `a route ${quote(route.name)} exists already`,
        "Routes of a component have different names: its ports are handed over as $PORT_<NAME>",
      );
    }
    if (route.hostPort !== null && ports.has(route.hostPort)) {
      reader.refuse("host_port", `${route.hostPort} is used by another route of the component`);
    }
    names.add(route.name);
    if (route.hostPort !== null) ports.add(route.hostPort);
    return route;
  });
}
