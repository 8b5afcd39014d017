/**
 * What of a request says who it is from; and the request without it, for the backend.
 * @module
 */
import { bearerToken } from "@lib/auth/mod.ts";
import type { Fields } from "../relay/message.ts";
import { filtered } from "../relay/rewriting.ts";

/** The sealed token. RFC 6265bis §4.1.3.2: with this prefix it is of this host alone, and came over TLS. */
export const sessionCookie = "__Host-mcproxy-sign-in";
/** A random text that forms repeat: another site can neither read nor set it. */
export const formCookie = "__Host-mcproxy-form";

const ours = "__Host-mcproxy-";

/** The first cookie of that name; null when there is none. */
export function cookieOf({ names, values }: Fields, name: string): string | null {
  for (let index = 0; index < names.length; index++) {
    if (names[index] !== "cookie") continue;
    for (const pair of values[index]!.split(";")) {
      const [key = "", value] = split(pair);
      if (key === name && value !== undefined) return value;
    }
  }
  return null;
}

/** The token in Authorization; null when there is none, or when there are several fields to choose from. */
export function bearerOf({ names, values }: Fields): string | null {
  const at = names.indexOf("authorization");
  if (at < 0 || names.includes("authorization", at + 1)) return null;
  return bearerToken(values[at]);
}

/** The same fields when no cookie of ours is among them. */
export function withoutOurCookies(fields: Fields): Fields {
  if (!fields.values.some((value, index) => fields.names[index] === "cookie" && value.includes(ours))) return fields;
  const names: string[] = [];
  const shown: string[] = [];
  const values: string[] = [];
  for (let index = 0; index < fields.names.length; index++) {
    let value = fields.values[index]!;
    if (fields.names[index] === "cookie") {
      value = value.split(";").filter((pair) => !split(pair)[0]!.startsWith(ours)).join(";").trim();
      if (value === "") continue;
    }
    names.push(fields.names[index]!);
    shown.push(fields.shown[index]!);
    values.push(value);
  }
  return { names, shown, values };
}

export function withoutAuthorization(fields: Fields): Fields {
  return filtered(fields, (name) => name !== "authorization");
}

function split(pair: string): [name: string, value?: string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair.trim()] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
