/** Makes the REST request of an operation as a client reads it in the documentation: path, query, JSON body. */
import { type JsonObject, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import type { Operation } from "@lib/contract/mod.ts";

/** The fetch arguments for calling `operation` at `base` with all fields of `message`. */
export function restCall(
  base: string,
  operation: Operation,
  message: Message,
  token: string | undefined,
): [URL, RequestInit] {
  const fields = toJson(operation.method.input, message, { useProtoFieldName: true }) as JsonObject;
  const path = operation.rest.template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = fields[name];
    delete fields[name];
    return encodeURIComponent(String(value));
  });
  const url = new URL(path, base);
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const init: RequestInit = { method: operation.rest.verb, headers };
  if (operation.rest.fieldsFrom === "query") {
    for (const [name, value] of Object.entries(fields)) {
      for (const one of list(value)) url.searchParams.append(name, one);
    }
  } else {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(fields);
  }
  return [url, init];
}

function list(value: JsonValue | undefined): string[] {
  return (Array.isArray(value) ? value : [value]).map((one) => {
    if (one !== null && typeof one === "object") throw new Error("A GET or DELETE request can't carry nested messages");
    return String(one);
  });
}
