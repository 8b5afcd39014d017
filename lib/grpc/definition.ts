/** From protobuf-es descriptors to what calls are made of: paths and bytes. */
import type { DescMessage, DescMethod, Message, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Buffer } from "node:buffer";
import { invalid, messageOf } from "@lib/errors/mod.ts";

/** "/mcns.v1.ZoneService/CreateZone" */
export const methodPath = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

/** The message as grpc-js wants it: a Buffer over the same memory. */
export function encode(desc: DescMessage, message: unknown): Buffer {
  const bytes = toBinary(desc, create(desc, message as MessageInitShape<DescMessage>));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export const decode = (desc: DescMessage, bytes: Uint8Array): Message => fromBinary(desc, bytes);

/** What a caller has sent. @throws PlatformError `invalid` for anything but such a message */
export function decodeRequest(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return decode(desc, bytes);
  } catch (error) {
    throw invalid("request", `not a ${desc.typeName}: ${messageOf(error)}`, { cause: error });
  }
}

export const bytesAsTheyAre = (bytes: Buffer): Buffer => bytes;
