/**
 * Checks JSON against a message descriptor before it is decoded, so that errors
 * name the field by its dotted path, the rule and the received value. Stricter
 * than proto3 JSON in one way: only the snake_case names are taken.
 */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { invalid, messageOf, quote } from "@lib/errors/mod.ts";
import { nearest } from "./nearest.ts";

/** The request message of a JSON object. Throws `invalid` with the dotted path of the offending field. */
export function messageFromJson(desc: DescMessage, json: JsonValue): Message {
  checkMessage(desc, json, "");
  try {
    return fromJson(desc, json);
  } catch (error) {
    throw invalid("body", messageOf(error), { cause: error });
  }
}

/** The error for a name that the message doesn't have. */
export function unknownField(desc: DescMessage, name: string, path: string): Error {
  const known = desc.fields.map((field) => field.name);
  const close = nearest(name, known);
  const hint = close !== undefined
    ? `Did you mean "${close}"?`
    : known.length === 0
    ? "It takes no fields"
    : `Known fields: ${known.join(", ")}`;
  return invalid(path, `unknown field of ${desc.name}. ${hint}`, { hint });
}

function checkMessage(desc: DescMessage, json: JsonValue, at: string): void {
  if (desc.typeName.startsWith("google.protobuf.")) return checkWellKnown(desc, json, at);
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    throw invalid(at === "" ? "body" : at, `must be a JSON object, received ${shown(json)}`);
  }
  for (const [name, value] of Object.entries(json)) {
    const path = at === "" ? name : `${at}.${name}`;
    const field = desc.fields.find((known) => known.name === name);
    if (field === undefined) throw unknownField(desc, name, path);
    // proto3 JSON: null is the same as absent.
    if (value !== null) checkField(field, value, path);
  }
}

function checkField(field: DescField, value: JsonValue, at: string): void {
  switch (field.fieldKind) {
    case "message":
      return checkMessage(field.message, value, at);
    case "enum":
      return checkEnum(field.enum, value, at);
    case "scalar":
      return checkScalar(field.scalar, value, at);
    case "list": {
      if (!Array.isArray(value)) throw invalid(at, `must be an array, received ${shown(value)}`);
      return value.forEach((item, i) => checkItem(field, item, `${at}[${i}]`));
    }
    case "map": {
      if (value === null || typeof value !== "object" || Array.isArray(value)) {
        throw invalid(at, `must be a JSON object, received ${shown(value)}`);
      }
      for (const [key, item] of Object.entries(value)) checkItem(field, item, `${at}.${key}`);
    }
  }
}

function checkItem(field: DescField & { fieldKind: "list" | "map" }, value: JsonValue, at: string): void {
  if (field.message !== undefined) return checkMessage(field.message, value, at);
  if (field.enum !== undefined) return checkEnum(field.enum, value, at);
  checkScalar((field as { scalar: ScalarType }).scalar, value, at);
}

function checkEnum(desc: DescEnum, value: JsonValue, at: string): void {
  if (desc.values.some((known) => known.name === value || known.number === value)) return;
  throw invalid(at, `must be one of ${desc.values.map((v) => v.name).join(", ")}, received ${shown(value)}`);
}

const ranges: Partial<Record<ScalarType, [min: number, max: number]>> = {
  [ScalarType.INT32]: [-(2 ** 31), 2 ** 31 - 1],
  [ScalarType.SINT32]: [-(2 ** 31), 2 ** 31 - 1],
  [ScalarType.SFIXED32]: [-(2 ** 31), 2 ** 31 - 1],
  [ScalarType.UINT32]: [0, 2 ** 32 - 1],
  [ScalarType.FIXED32]: [0, 2 ** 32 - 1],
};
const unsigned64 = new Set([ScalarType.UINT64, ScalarType.FIXED64]);

function checkScalar(type: ScalarType, value: JsonValue, at: string): void {
  const refuse = (rule: string) => invalid(at, `must be ${rule}, received ${shown(value)}`);
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  switch (type) {
    case ScalarType.STRING:
      if (typeof value !== "string") throw refuse("a string");
      return;
    case ScalarType.BOOL:
      if (typeof value !== "boolean") throw refuse("true or false");
      return;
    case ScalarType.BYTES:
      if (typeof value !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw refuse("base64 text");
      return;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      if (typeof value === "number" || (typeof value === "string" && value !== "" && !Number.isNaN(Number(value)))) {
        return;
      }
      throw refuse("a number");
    default: {
      const range = ranges[type];
      if (typeof number !== "number" || !Number.isInteger(number)) throw refuse("a whole number");
      if (range !== undefined) {
        if (number < range[0] || number > range[1]) throw refuse(`between ${range[0]} and ${range[1]}`);
        return;
      }
      const low = unsigned64.has(type) ? 0n : -(2n ** 63n);
      const high = unsigned64.has(type) ? 2n ** 64n - 1n : 2n ** 63n - 1n;
      const exact = typeof value === "string" ? BigInt(value) : BigInt(number);
      if (exact < low || exact > high) throw refuse(`between ${low} and ${high}`);
    }
  }
}

const wellKnown: Record<string, string> = {
  "google.protobuf.Timestamp": 'an RFC 3339 time such as "2026-01-31T12:00:00Z"',
  "google.protobuf.Duration": 'seconds such as "1.5s"',
};

function checkWellKnown(desc: DescMessage, json: JsonValue, at: string): void {
  try {
    fromJson(desc, json);
  } catch (error) {
    throw invalid(at, `must be ${wellKnown[desc.typeName] ?? desc.name}, received ${shown(json)}`, { cause: error });
  }
}

const shown = (value: JsonValue): string =>
  quote(typeof value === "string" ? value : JSON.stringify(value) ?? "nothing");
