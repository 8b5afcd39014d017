/** JSON Schema (2020-12, as OpenAPI 3.1 uses it) of messages in their proto3 JSON form. */
import { type DescEnum, type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import { secret } from "@proto/metacircular/options_pb.ts";

type Json = Record<string, unknown>;

const wellKnown: Record<string, Json> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?\\d+(\\.\\d{1,9})?s$" },
  "google.protobuf.Empty": { type: "object", additionalProperties: false },
};

const int32: Json = { type: "integer", format: "int32" };
const uint32: Json = { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
// proto3 JSON writes 64-bit numbers as text, because a JSON number holds 53 bits safely.
const int64: Json = { type: "string", format: "int64", pattern: "^-?\\d+$" };
const uint64: Json = { type: "string", format: "uint64", pattern: "^\\d+$" };

const scalars: Record<ScalarType, Json> = {
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.DOUBLE]: { type: "number", format: "double" },
  [ScalarType.FLOAT]: { type: "number", format: "float" },
  [ScalarType.INT32]: int32,
  [ScalarType.SINT32]: int32,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.UINT32]: uint32,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.INT64]: int64,
  [ScalarType.SINT64]: int64,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.FIXED64]: uint64,
};

/** The component name of a message: "mcns.v1.Zone". */
export const schemaName = (message: DescMessage): string => message.typeName;

/** Collects the schemas of messages as they are referred to. */
export class Schemas {
  readonly #all = new Map<string, Json>();

  /** A reference to the message's schema, which is added when new. */
  reference(message: DescMessage): Json {
    const known = wellKnown[message.typeName];
    if (known !== undefined) return known;
    const name = schemaName(message);
    if (!this.#all.has(name)) {
      const schema: Json = { type: "object" };
      // Before its fields, so that a message that holds itself ends.
      this.#all.set(name, schema);
      schema["properties"] = Object.fromEntries(message.fields.map((field) => [field.name, fieldSchema(field, this)]));
      schema["additionalProperties"] = false;
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  all(): Record<string, Json> {
    return Object.fromEntries([...this.#all].sort(([a], [b]) => a < b ? -1 : 1));
  }
}

/** The schema of one field. Secrets are marked as passwords, so that viewers hide them. */
export function fieldSchema(field: DescField, schemas: Schemas): Json {
  const one = itemSchema(field, schemas);
  if (field.fieldKind === "list") return { type: "array", items: one };
  if (field.fieldKind === "map") return { type: "object", additionalProperties: one };
  return getOption(field, secret) ? { ...one, format: "password" } : one;
}

function itemSchema(field: DescField, schemas: Schemas): Json {
  if (field.message !== undefined) return schemas.reference(field.message);
  if (field.enum !== undefined) return enumSchema(field.enum);
  return field.scalar === undefined ? {} : scalars[field.scalar];
}

const enumSchema = (desc: DescEnum): Json => ({ type: "string", enum: desc.values.map((value) => value.name) });

/** Problem details as this platform fills them. */
export const problemSchema: Json = {
  type: "object",
  properties: {
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string" },
    field: { type: "string" },
    rule: { type: "string" },
    hint: { type: "string" },
    request_id: { type: "string" },
  },
  required: ["title", "status", "detail", "code", "request_id"],
};
