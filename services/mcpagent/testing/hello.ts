/** The service that deploys are tested with, and what is left of it. */
import { type TestNode, user } from "./test_node.ts";

export const image = (version: string) => `mcr.test:8443/hello:${version}`;

/** A web service that greets with a text. */
export const greets = (text: string) =>
  `Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Response(${
    JSON.stringify(text)
  }));`;

export const definition = (version: string, more = "") =>
  `name = "hello"
[[components]]
name = "web"
image = "${image(version)}"
health = { http = "/", start_ms = 15000 }
${more}
[[components.routes]]
port = 443
mode = "l7"
`;

export const request = (version: string, more = "") => ({
  toml: definition(version, more),
  fileName: "hello.toml",
  caller: user,
});

export const route = "https hello.svc.test";
export const record = "hello.svc.test A";

/** Ports, routes, records, certificate files and processes that a service has. */
export function holdings(test: TestNode): Record<string, unknown> {
  return {
    claims: test.node.registry.claims.of("hello").map(({ kind }) => kind).sort(),
    routes: [...test.world.routes.keys()],
    records: [...test.world.records.keys()],
    files: [...Deno.readDirSync(test.node.settings.certsDir)].map(({ name }) => name).sort(),
    processes: test.node.fleet.of("hello").size,
  };
}

export const nothing = { claims: [], routes: [], records: [], files: [], processes: 0 };
export const everything = {
  claims: ["certificate", "port", "record", "route"],
  routes: [route],
  records: [record],
  files: ["hello.key", "hello.pem"],
  processes: 1,
};
