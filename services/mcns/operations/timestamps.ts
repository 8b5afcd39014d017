import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";

/** `{ field: time }` for a message, or nothing for no time. */
export function optionalTime<Field extends string>(field: Field, at: number | null): { [F in Field]?: Timestamp } {
  return at === null ? {} : { [field]: timestampFromMs(at) } as { [F in Field]: Timestamp };
}
