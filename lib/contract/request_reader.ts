/** From an HTTP request to an operation's request message: path, query and JSON body. */
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { invalid, messageOf, quote, tooLarge } from "@lib/errors/mod.ts";
import { messageFromJson, unknownField } from "./json_check.ts";
import type { Operation } from "./operation.ts";

/** Reads the operation's request. Throws `invalid` with the field, or `too_large`. */
export async function readRequest(
  operation: Operation,
  request: Request,
  query: URLSearchParams,
  path: ReadonlyMap<DescField, string>,
): Promise<Message> {
  const input = operation.method.input;
  const fromQuery = operation.rest.fieldsFrom === "query";
  if (fromQuery) refuseBody(operation, request);
  const json = fromQuery ? queryObject(input, query) : await bodyObject(request, operation.maxRequestBytes);
  if (!fromQuery && query.size > 0) {
    throw invalid(
      [...query.keys()][0] ?? "query",
      `${operation.rest.verb} takes its fields from the JSON body, not the query`,
    );
  }
  for (const [field, text] of path) {
    const value = fromText(field, text, field.name);
    const given = json[field.name];
    if (given !== undefined && given !== null && String(given) !== String(value)) {
      throw invalid(field.name, `the path says ${quote(text)}, the request ${quote(given)}; leave it to the path`);
    }
    json[field.name] = value;
  }
  return messageFromJson(input, json);
}

function refuseBody(operation: Operation, request: Request): void {
  if (Number(request.headers.get("content-length") ?? 0) > 0 || request.headers.has("transfer-encoding")) {
    throw invalid("body", `${operation.rest.verb} takes its fields from the query, not from a body`);
  }
}

function queryObject(desc: DescMessage, query: URLSearchParams): JsonObject {
  const json: JsonObject = {};
  for (const name of new Set(query.keys())) {
    const field = desc.fields.find((known) => known.name === name);
    if (field === undefined) throw unknownField(desc, name, name);
    const texts = query.getAll(name);
    if (field.fieldKind === "list") {
      json[name] = texts.map((text, i) => fromText(field, text, `${name}[${i}]`));
    } else if (texts.length > 1) {
      throw invalid(name, `given ${texts.length} times, but it takes one value`);
    } else {
      json[name] = fromText(field, texts[0] ?? "", name);
    }
  }
  return json;
}

const textScalars = new Set([ScalarType.STRING, ScalarType.BYTES]);

/** One value from the text of a path segment or query parameter, as JSON; the JSON check says the rest. */
function fromText(field: DescField, text: string, at: string): JsonValue {
  if (field.enum !== undefined) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (field.message !== undefined) {
    if (["google.protobuf.Timestamp", "google.protobuf.Duration"].includes(field.message.typeName)) return text;
    throw invalid(at, "can't be given in the query");
  }
  if (field.fieldKind === "map" || field.scalar === undefined) throw invalid(at, "can't be given in the query");
  if (field.scalar === ScalarType.BOOL) {
    if (text === "true" || text === "false") return text === "true";
    throw invalid(at, `must be true or false, received ${quote(text)}`);
  }
  // Numbers stay text: proto3 JSON takes both, and 64-bit ones don't fit a JSON number.
  if (!textScalars.has(field.scalar) && text.trim() === "") throw invalid(at, 'must be a number, received ""');
  return text;
}

async function bodyObject(request: Request, maxBytes: number): Promise<JsonObject> {
  const bytes = await readBody(request, maxBytes);
  if (bytes.length === 0) return {};
  // Whatever its content type says: `curl -d` calls JSON a form, and a real form fails to parse.
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid("body", `not JSON in UTF-8: ${messageOf(error)}`, { cause: error });
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw invalid("body", "must be a JSON object");
  return json as JsonObject;
}

/** The whole body, refused as soon as it is seen or announced to be over the limit. */
async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) {
    throw tooLarge("The request body", maxBytes, { field: "body" });
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge("The request body", maxBytes, { field: "body" });
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
