/** Messages with every field set, made from their descriptors. */
import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";

/** How deep messages within messages are filled. */
const maxDepth = 3;

/** A message of the type in which every field (of a oneof: the first) has a value that is not its default. */
export function sample(desc: DescMessage, depth = 0): Message {
  if (desc.typeName === "google.protobuf.Timestamp") return create(desc, { seconds: 1_790_000_000n, nanos: 5_000_000 });
  if (desc.typeName === "google.protobuf.Duration") return create(desc, { seconds: 90n });
  const init: Record<string, unknown> = {};
  for (const field of desc.fields) {
    const value = valueOf(field, depth);
    if (value === undefined) continue;
    if (field.oneof === undefined || field.proto.proto3Optional) init[field.localName] = value;
    else init[field.oneof.localName] ??= { case: field.localName, value };
  }
  return create(desc, init);
}

function valueOf(field: DescField, depth: number): unknown {
  const one = field.message !== undefined
    ? depth < maxDepth ? sample(field.message, depth + 1) : undefined
    : field.enum !== undefined
    ? field.enum.values.at(-1)?.number
    : scalarOf(field.scalar ?? ScalarType.STRING, field.name);
  if (one === undefined) return undefined;
  if (field.fieldKind === "list") return [one, one];
  if (field.fieldKind === "map") return { [field.mapKey === ScalarType.STRING ? "key with / and ä" : 1]: one };
  return one;
}

function scalarOf(type: ScalarType, name: string): unknown {
  switch (type) {
    case ScalarType.STRING:
      // What paths and queries must escape.
      return `${name} / ä?&=%`;
    case ScalarType.BYTES:
      return new Uint8Array([0, 255, 62, 63]);
    case ScalarType.BOOL:
      return true;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 1.5;
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      // Above 2^53: a JSON number would lose its last digit.
      return 9_007_199_254_740_993n;
    default:
      return 7;
  }
}
