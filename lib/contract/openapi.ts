/** The OpenAPI 3.1 document of operations, from nothing but their descriptors. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Access } from "@proto/metacircular/options_pb.ts";
import { fieldSchema, problemSchema, schemaName, Schemas } from "./json_schema.ts";
import type { Operation } from "./operation.ts";

type Json = Record<string, unknown>;

const accessText: Record<Access, string> = {
  [Access.UNSPECIFIED]: "nobody",
  [Access.PUBLIC]: "anyone, without a token",
  [Access.AUTHENTICATED]: "any account with a valid token; the operation's own policy decides further",
  [Access.USER]: "humans with role admin or user, and system accounts",
  [Access.ADMIN]: "role admin",
};

/** Builds the document. */
export function openApi(operations: readonly Operation[], info: { service: string; version: string }): Json {
  const schemas = new Schemas();
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = paths[operation.rest.template] ??= {};
    path[operation.rest.verb.toLowerCase()] = operationObject(operation, schemas);
  }
  return {
    openapi: "3.1.0",
    info: { title: info.service, version: info.version },
    paths,
    components: {
      schemas: { ...schemas.all(), Problem: problemSchema },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

function operationObject(operation: Operation, schemas: Schemas): Json {
  const { method, rest, access, takesScopes } = operation;
  const inPath = rest.segments.flatMap((segment) => "field" in segment ? [segment.field] : []);
  const others = method.input.fields.filter((field) => !inPath.includes(field));
  const parameters = [
    ...inPath.map((field) => parameter(field, "path", schemas)),
    ...(rest.fieldsFrom === "query" ? others.map((field) => parameter(field, "query", schemas)) : []),
  ];
  const type = operation.streaming ? "application/x-ndjson" : "application/json";
  return {
    operationId: `${method.parent.name}.${method.name}`,
    tags: [method.parent.name],
    summary: words(method.name),
    description: `Who may call it: ${accessText[access]}.` +
      (takesScopes ? " Takes tokens with scopes, and does no more for them than those say." : "") +
      (operation.streaming ? ' Streams one JSON object a line; a line {"error": …} ends a failed stream.' : ""),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(rest.fieldsFrom === "body" && others.length > 0 ? { requestBody: body(method.input, others, schemas) } : {}),
    responses: {
      "200": { description: method.output.name, content: { [type]: { schema: schemas.reference(method.output) } } },
      default: {
        description: "Problem details (RFC 9457)",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
    security: access === Access.PUBLIC ? [] : [{ bearer: [] }],
  };
}

function parameter(field: DescField, where: "path" | "query", schemas: Schemas): Json {
  return {
    name: field.name,
    in: where,
    ...(where === "path" ? { required: true } : {}),
    ...(field.fieldKind === "list" ? { style: "form", explode: true } : {}),
    schema: fieldSchema(field, schemas),
  };
}

function body(input: DescMessage, fields: DescField[], schemas: Schemas): Json {
  const schema = fields.length === input.fields.length ? schemas.reference(input) : {
    title: schemaName(input),
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field, schemas)])),
    additionalProperties: false,
  };
  return { content: { "application/json": { schema } } };
}

/** "CreateZone" → "Create zone". */
const words = (name: string): string =>
  name.replaceAll(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);
