import { HttpsClient } from "@lib/http/mod.ts";
import { pushBundle, RegistryClient } from "@lib/oci/mod.ts";
import { defaultDeclaration } from "@lib/sandbox/mod.ts";
import type { TestPlatform } from "../platform.ts";
import { logIn } from "./rest_call.ts";

export const registry = "mcr.svc.mcp.metacircular.net:8443";

/** Pushes a program of one file as a bundle, the way `deploy` does. @returns its digest, "sha256:…" */
export async function pushProgram(platform: TestPlatform, repository: string, tag: string, main: string) {
  const { mcr, ca, admin } = platform.file;
  const client = new HttpsClient({ address: mcr, serverName: "localhost", ca: Deno.readTextFileSync(ca) });
  try {
    const to = new RegistryClient({ client, username: admin, password: await logIn(platform) });
    const declaration = { ...defaultDeclaration(repository) };
    const config = { name: repository, version: tag, declaration, config_defaults: {}, entry: "main.js" };
    const files = new Map([["main.js", new TextEncoder().encode(main)]]);
    return (await pushBundle(to, { repository, tag, config, files })).digest;
  } finally {
    client.close();
  }
}

/** A program that answers every request, its health check too, with one status. */
export function answering(status: number): string {
  return `const server = Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT")), onListen() {} },
  () => new Response("answer ${status}\\n", { status: ${status} }));
Deno.addSignalListener("SIGTERM", () => server.shutdown());
await server.finished;
`;
}

/** A definition with one component and one L7 route; more lines go to the end of the component. */
export function definition(name: string, image: string, more = ""): string {
  return `name = "${name}"
[[components]]
name = "web"
image = "${image}"
health = { http = "/healthz", start_ms = 2000 }
[[components.routes]]
port = 443
mode = "l7"
${more}`;
}

/** Writes a definition where `mcp deploy NAME` looks for it. @returns its path */
export function writeDefinition(platform: TestPlatform, name: string, toml: string): string {
  const folder = `${platform.data}/services`;
  Deno.mkdirSync(folder, { recursive: true });
  const path = `${folder}/${name}.toml`;
  Deno.writeTextFileSync(path, toml);
  return path;
}
