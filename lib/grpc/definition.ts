/** From protobuf-es descriptors to what grpc-js calls by: paths and bytes. */
import type { DescMessage, DescMethod, Message, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Buffer } from "node:buffer";

/** "/mcns.v1.ZoneService/CreateZone" */
export const methodPath = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

/** The message as grpc-js wants it: a Buffer over the same memory. */
export function encode(desc: DescMessage, message: unknown): Buffer {
  const bytes = toBinary(desc, create(desc, message as MessageInitShape<DescMessage>));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export const decode = (desc: DescMessage, bytes: Uint8Array): Message => fromBinary(desc, bytes);

export const bytesAsTheyAre = (bytes: Buffer): Buffer => bytes;

/** A method's entry in a grpc-js service. Requests and responses stay bytes: the handler decodes after the access check. */
export function methodDefinition(method: DescMethod) {
  return {
    path: methodPath(method),
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: bytesAsTheyAre,
    requestDeserialize: bytesAsTheyAre,
    responseSerialize: bytesAsTheyAre,
    responseDeserialize: bytesAsTheyAre,
  };
}
