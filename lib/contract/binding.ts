/** The `rest` option of an RPC, parsed and checked against the request message. */
import type { DescField, DescMethod } from "@bufbuild/protobuf";

const verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Verb = typeof verbs[number];

/** One path segment: fixed text, or the value of a request field. */
export type Segment = { literal: string } | { field: DescField };

/** Verb and path of an operation. */
export interface RestBinding {
  verb: Verb;
  /** As written: "/v1/zones/{zone}/records". */
  template: string;
  segments: Segment[];
  /** GET and DELETE take fields that are not in the path from the query, the others from a JSON body. */
  fieldsFrom: "query" | "body";
}

/** Parses "POST /v1/zones/{zone}/records". Throws, naming the method, when it is malformed or names an unknown field. */
export function parseBinding(method: DescMethod, option: string): RestBinding {
  const name = `${method.parent.typeName}.${method.name}`;
  const match = /^([A-Z]+) (\/\S+)$/.exec(option);
  const verb = verbs.find((known) => known === match?.[1]);
  const template = match?.[2];
  if (verb === undefined || template === undefined) {
    throw new Error(`${name}: rest option ${JSON.stringify(option)} is not "<${verbs.join("|")}> /path"`);
  }
  const segments = template.slice(1).split("/").map((text): Segment => {
    const parameter = /^\{(\w+)\}$/.exec(text)?.[1];
    if (parameter === undefined) {
      if (!/^[A-Za-z0-9._~-]+$/.test(text)) {
        throw new Error(`${name}: path segment ${JSON.stringify(text)} in "${option}"`);
      }
      return { literal: text };
    }
    const field = method.input.fields.find((known) => known.name === parameter);
    if (field === undefined) throw new Error(`${name}: path names {${parameter}}, which ${method.input.name} lacks`);
    if (field.fieldKind !== "scalar") throw new Error(`${name}: path parameter {${parameter}} is not a single scalar`);
    return { field };
  });
  return { verb, template, segments, fieldsFrom: verb === "GET" || verb === "DELETE" ? "query" : "body" };
}

/** The path with its parameters' names removed: two operations of one shape can't be told apart. */
export const bindingShape = (binding: RestBinding): string =>
  `${binding.verb} /${binding.segments.map((s) => "literal" in s ? s.literal : "{}").join("/")}`;
