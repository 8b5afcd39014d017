/**
 * HTTP/2 (RFC 9113): field compression (RFC 7541), frames, messages, connections.
 * @module
 */
export { Http2ClientConnection, type RequestToSend } from "./client.ts";
export type { ClientStream, Response } from "./client_stream.ts";
export type { EndpointOptions } from "./endpoint.ts";
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
export type { Http2Fault } from "./fault.ts";
export { defaultLimits, type Http2Limits, type Rate } from "./limits.ts";
export { Http2ServerConnection, type ServerOptions } from "./server.ts";
export type { ServerStream } from "./server_stream.ts";
export { type Http2Stream, StreamReset } from "./stream.ts";
export type { Http2Transport } from "./transport.ts";
