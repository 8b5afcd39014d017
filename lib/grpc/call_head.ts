/** What the head of a request says of a call (PROTOCOL-HTTP2.md of gRPC, "Requests"). */
import { requestIdFrom } from "@lib/contract/mod.ts";
import type { FieldList, ServerStream } from "@lib/http2/mod.ts";

export interface CallHead {
  contentType: string | undefined;
  encoding: string | undefined;
  timeout: string | undefined;
  authorization: string | undefined;
  /** The caller's, or one made here. */
  requestId: string;
}

/** Reads the fields that a server looks at, the first of each name. */
export function headOf(fields: FieldList): CallHead {
  let requestId: string | undefined;
  const head: CallHead = {
    contentType: undefined,
    encoding: undefined,
    timeout: undefined,
    authorization: undefined,
    requestId: "",
  };
  for (let at = 0; at < fields.length; at += 2) {
    const value = fields[at + 1]!;
    switch (fields[at]) {
      case "content-type":
        head.contentType ??= value;
        break;
      case "grpc-encoding":
        head.encoding ??= value;
        break;
      case "grpc-timeout":
        head.timeout ??= value;
        break;
      case "authorization":
        head.authorization ??= value;
        break;
      case "x-request-id":
        requestId ??= value;
    }
  }
  head.requestId = requestIdFrom(requestId);
  return head;
}

// Messages are protobuf; application/grpc-web and other codecs are other protocols.
const grpcContentType = /^application\/grpc(?:\+proto)?(?:[ \t]*;.*)?$/i;

/** The answer to what isn't gRPC, by HTTP; null when it is. */
export function httpRefusal(
  { method }: ServerStream,
  { contentType }: CallHead,
): { status: number; fields: FieldList } | null {
  if (method !== "POST") return { status: 405, fields: ["allow", "POST", "content-length", "0"] };
  if (contentType !== undefined && grpcContentType.test(contentType)) return null;
  return { status: 415, fields: ["accept", "application/grpc", "content-length", "0"] };
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** `grpc-timeout` in ms: at most eight digits and a unit. Null when it is something else. */
export function timeoutMs(text: string): number | null {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(text);
  return parts === null ? null : Number(parts[1]) * unitMs[parts[2]!]!;
}
