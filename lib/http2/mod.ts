/**
 * HTTP/2 (RFC 9113): field compression (RFC 7541), frames, messages, connections.
 * @module
 */
export { ConnectionError, errorCodeName, errorCodes, HpackError, MalformedMessage, StreamError } from "./errors.ts";
export {
  clientPreface,
  flags,
  type Frame,
  frameContent,
  frameTypes,
  readUint16,
  readUint31,
  readUint32,
  settings,
} from "./frame.ts";
export { FrameReader } from "./frame_reader.ts";
export { FrameWriter } from "./frame_writer.ts";
export { type DecodedBlock, type FieldList, HpackDecoder } from "./hpack/decoder.ts";
export { HpackEncoder, type HpackEncoderOptions } from "./hpack/encoder.ts";
export {
  parseRequestFields,
  parseResponseFields,
  parseTrailers,
  type RequestHead,
  type ResponseHead,
} from "./message.ts";
