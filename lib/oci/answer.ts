import { Buffer } from "node:buffer";
import { PlatformError, rateLimited, tooLarge, unavailable } from "@lib/errors/mod.ts";
import type { ErrorCode } from "@lib/errors/mod.ts";
import type { ClientResponse } from "@lib/http/mod.ts";

/** Registries' error documents and token answers are smaller; more is cut off. */
const maxAnswerBytes = 256 * 1024;

/**
 * A whole body in memory.
 * @throws PlatformError too_large beyond `maxBytes`, with `what` in the message
 */
export async function readBody(
  response: ClientResponse,
  maxBytes: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the body.
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(what, maxBytes);
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

/** The body as JSON object; `{}` when it is none. */
export async function readJson(response: ClientResponse): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder().decode(await readBody(response, maxAnswerBytes, "The registry's answer")),
    );
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: "invalid",
  401: "unauthenticated",
  403: "denied",
  404: "not_found",
  405: "conflict",
  409: "conflict",
  413: "too_large",
  416: "conflict",
};

/**
 * The error that a refusal means, with what the registry said.
 * @param action what was tried: `pull mcns:v1`
 */
export async function refusal(response: ClientResponse, action: string): Promise<PlatformError> {
  const { errors } = await readJson(response) as { errors?: { code?: unknown; message?: unknown }[] };
  const said = Array.isArray(errors)
    ? errors.slice(0, 5).map((error) => `${error?.code ?? "UNKNOWN"}: ${error?.message ?? ""}`).join("; ")
    : "";
  const message = `Cannot ${action}: the registry answered ${response.status}${said === "" ? "" : ` (${said})`}`;
  const { status } = response;
  if (status === 429) return rateLimited(message, Number(response.headers.get("retry-after")) || 1);
  if (status >= 500) return unavailable(message);
  return new PlatformError(codeOfStatus[status] ?? "internal", message);
}
