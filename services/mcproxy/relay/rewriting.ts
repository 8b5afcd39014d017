/**
 * What a route changes in a request before a backend gets it, and in a response before a client does.
 * @module
 */
import type { HeaderEdit } from "../domain/route_http.ts";
import { isBelow, matchedPath } from "../domain/route_path.ts";
import { type Fields, noNames, type RequestHead, type ResponseHead } from "./message.ts";

/**
 * The target without the route's path in front: "/api/x?y" under "/api" is "/x?y".
 * @param target one that the route was found for
 */
export function strippedTarget(target: string, path: string): string {
  if (path === "/" || target === "*") return target;
  const query = target.indexOf("?");
  const raw = query < 0 ? target : target.slice(0, query);
  // A path that matches only when it is read as a backend may read it ("/%61pi") goes on in that reading.
  const whole = isBelow(raw, path) ? raw : matchedPath(target);
  // Two slashes in front would make an authority of what follows (RFC 3986 §3.3), in redirects for instance.
  const rest = whole.slice(path.length).replace(/^\/*/, "/");
  return query < 0 ? rest : rest + target.slice(query);
}

/** A request as the route's edits make it; the same one when there are none. */
export function editedRequest(request: RequestHead, target: string, edits: readonly HeaderEdit[]): RequestHead {
  if (edits.length === 0) return target === request.target ? request : { ...request, target };
  const fields = edited(without(request.fields, request.connectionNames), edits);
  return { ...request, target, fields, connectionNames: noNames };
}

/** A response as the route's edits make it; the same one when there are none. */
export function editedResponse(response: ResponseHead, edits: readonly HeaderEdit[]): ResponseHead {
  if (edits.length === 0) return response;
  const fields = edited(without(response.fields, response.connectionNames), edits);
  return { ...response, fields, connectionNames: noNames };
}

/** Fields of one hop must go before the edits: a client could name an added field in Connection, and so have it dropped. */
function without(fields: Fields, dropped: ReadonlySet<string>): Fields {
  return dropped.size === 0 ? fields : filtered(fields, (name) => !dropped.has(name));
}

function edited(fields: Fields, edits: readonly HeaderEdit[]): Fields {
  let out = fields;
  for (const { op, name, value } of edits) {
    if (op !== "add") out = filtered(out, (other) => other !== name);
    if (op !== "remove") out = withField(out, name, value);
  }
  return out;
}

/** Those fields whose name `keeps` says to. */
export function filtered({ names, shown, values }: Fields, keeps: (name: string) => boolean): Fields {
  const kept = names.map(keeps);
  return {
    names: names.filter((_, index) => kept[index]),
    shown: shown.filter((_, index) => kept[index]),
    values: values.filter((_, index) => kept[index]),
  };
}

/** @param name in lower case, and sent so */
export function withField({ names, shown, values }: Fields, name: string, value: string): Fields {
  return { names: [...names, name], shown: [...shown, name], values: [...values, value] };
}
