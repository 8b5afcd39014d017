import { type ErrorCode, errorTable, messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";

/** A REST interface. */
export interface RestServer {
  /** "host:port". */
  readonly address: string;
  /** The name that its certificate must carry. */
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly timeoutMs: number;
}

export interface RestCall {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly token?: string;
}

/** Calls an operation by REST. @returns its answer's JSON. @throws PlatformError what the service says, or unavailable */
export async function callRest(server: RestServer, call: RestCall): Promise<Record<string, unknown>> {
  const { method, path, body, token } = call;
  const client = new HttpsClient(server);
  try {
    const response = await client.request({
      method,
      path,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: new TextEncoder().encode(JSON.stringify(body)),
    });
    const text = await new Response(response.body).text();
    let answer: Record<string, unknown> = {};
    try {
      answer = JSON.parse(text || "{}") as Record<string, unknown>;
    } catch (error) {
      throw unavailable(`${server.address} answered ${response.status} and no JSON: ${messageOf(error)}`);
    }
    if (response.status >= 400) throw problemOf(response.status, answer);
    return answer;
  } finally {
    client.close();
  }
}

/** A problem+json answer as the error that it was. */
function problemOf(status: number, answer: Record<string, unknown>): PlatformError {
  const code = (Object.keys(errorTable) as ErrorCode[]).find((one) => errorTable[one].http === status) ?? "unavailable";
  const { detail, title, hint } = answer;
  const message = typeof detail === "string"
    ? detail
    : typeof title === "string"
    ? title
    : `The service answered ${status}`;
  return new PlatformError(code, message, typeof hint === "string" ? { hint } : {});
}
