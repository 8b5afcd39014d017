import { HttpsClient } from "@lib/http/mod.ts";
import type { TestPlatform } from "../platform.ts";

export interface RestAnswer {
  status: number;
  /** The body as it came. */
  text: string;
  body: Record<string, unknown>;
}

export interface RestRequest {
  /** "GET /v1/accounts". */
  call: string;
  token?: string;
  /** Sent as JSON; a string as it is. */
  body?: unknown;
}

/** Part of a platform with a REST interface. */
export type Part = "mcias" | "metacrypt" | "mcns" | "agent";

/** Calls a part over its REST interface, verified against the platform's root. */
export async function rest(platform: TestPlatform, part: Part, request: RestRequest): Promise<RestAnswer> {
  const { ca, mcias, metacrypt, mcns, agent } = platform.file;
  const address = { mcias, metacrypt, mcns, agent }[part].replace("https://", "");
  // platform.json has the agent's gRPC address; REST is one above it.
  const [host = "", port = ""] = address.split(":");
  const restAddress = part === "agent" ? `${host}:${Number(port) + 1}` : address;
  const client = new HttpsClient({ address: restAddress, serverName: "localhost", ca: Deno.readTextFileSync(ca) });
  try {
    const [method = "", path = ""] = request.call.split(" ");
    const { body, token } = request;
    const sent = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const answer = await client.request({
      method,
      path,
      headers: {
        ...(sent === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(sent === undefined ? {} : { body: new TextEncoder().encode(sent) }),
    });
    const text = await new Response(answer.body).text();
    return { status: answer.status, text, body: jsonOf(text) };
  } finally {
    client.close();
  }
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A token by password; the administrator's by default. */
export async function logIn(platform: TestPlatform, username?: string, password?: string): Promise<string> {
  const { status, body, text } = await rest(platform, "mcias", {
    call: "POST /v1/auth/login",
    body: { username: username ?? platform.file.admin, password: password ?? platform.adminPassword },
  });
  if (status !== 200) throw new Error(`login as ${username ?? "admin"}: ${status} ${text}`);
  return String(body.token);
}
