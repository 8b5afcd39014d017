/**
 * The REST form of operations: routing, authentication, decoding, snake_case JSON
 * out, problem details for errors, NDJSON for streams, and /v1/openapi.json.
 *
 * Every answer carries `x-request-id`. Order of the checks: path (404, 405), token
 * (401), access (403), then the body, so that nobody without a token gets to send one.
 */
import { type Message, toJson } from "@bufbuild/protobuf";
import { notFound, type PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { checkAccess, identify } from "./access.ts";
import { type Authentication, type Call, requestIdFrom, tokenFrom } from "./call.ts";
import { CallRecord, type Observe } from "./observation.ts";
import { openApi } from "./openapi.ts";
import type { Operation } from "./operation.ts";
import { problemOf, problemResponse } from "./problem.ts";
import { readRequest } from "./request_reader.ts";
import { createRouter } from "./router.ts";

export interface RestOptions {
  authenticate: Authentication;
  log: Logger;
  /** The service's name: the realm of 401 answers and the OpenAPI document's title. */
  service: string;
  version: string;
  observe?: Observe;
}

/** Answers a request; `remote` is the peer's address. Never rejects. */
export type RestApp = (request: Request, info: { remote: string }) => Promise<Response>;

// A stream that fails within this time is answered with its own status; afterwards only its last line can say so.
const firstMessageMs = 250;

/** Builds the REST form. Throws when two operations have the same verb and path. */
export function restApp(operations: readonly Operation[], options: RestOptions): RestApp {
  const { authenticate, log, service, version, observe } = options;
  const route = createRouter(operations);
  const document = JSON.stringify(openApi(operations, { service, version }));

  return async (request, { remote }) => {
    const requestId = requestIdFrom(request.headers.get("x-request-id"));
    const finish = (response: Response): Response => {
      response.headers.set("x-request-id", requestId);
      return request.method === "HEAD" ? new Response(null, response) : response;
    };
    const fail = (error: PlatformError) => finish(problemResponse(error, requestId, service));

    const url = new URL(request.url);
    if (url.pathname === "/v1/openapi.json" && (request.method === "GET" || request.method === "HEAD")) {
      return finish(new Response(document, { headers: { "content-type": "application/json" } }));
    }
    const found = route(request.method, url.pathname);
    if (found.operation === null) {
      if (found.allow.length === 0) {
        return fail(notFound("path", url.pathname, { hint: "GET /v1/openapi.json lists them" }));
      }
      return finish(otherVerb(request.method, found.allow, requestId));
    }

    const { operation, path } = found;
    const abort = new AbortController();
    const call: Call = {
      caller: null,
      remote,
      requestId,
      transport: "rest",
      signal: AbortSignal.any([request.signal, abort.signal]),
    };
    const record = new CallRecord(operation.name, call, log, observe);
    try {
      const token = tokenFrom(request.headers.get("authorization"));
      if (token !== undefined) call.token = token;
      call.caller = await identify(operation.access, token, authenticate);
      checkAccess(operation, call.caller);
      const message = await readRequest(operation, request, url.searchParams, path);
      if (operation.streaming) return finish(await ndjson(operation, message, call, abort, record));
      const answer = await operation.invoke(message, call);
      record.ended();
      return finish(jsonResponse(JSON.stringify(json(operation, answer)), "application/json"));
    } catch (error) {
      return fail(record.failed(error));
    }
  };
}

const json = (operation: Operation, message: Message) =>
  toJson(operation.method.output, message, { useProtoFieldName: true, alwaysEmitImplicit: true });

// Answers may hold secrets and are never the same twice: nothing on the way may keep them.
const jsonResponse = (body: BodyInit, type: string): Response =>
  new Response(body, {
    headers: { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });

function otherVerb(verb: string, allow: string[], requestId: string): Response {
  if (verb === "OPTIONS") return new Response(null, { status: 204, headers: { allow: allow.join(", ") } });
  const detail = `${verb} is not offered here; this path takes ${allow.join(", ")}`;
  const body = { title: "Method not allowed", status: 405, detail, code: "invalid", request_id: requestId };
  return new Response(JSON.stringify(body), {
    status: 405,
    headers: { "content-type": "application/problem+json", allow: allow.join(", "), "cache-control": "no-store" },
  });
}

/** One JSON object a line. A failure after the first line ends the stream with `{"error": {…problem…}}`. */
async function ndjson(
  operation: Operation,
  request: Message,
  call: Call,
  abort: AbortController,
  record: CallRecord,
): Promise<Response> {
  const messages = operation.stream(request, call);
  const encoder = new TextEncoder();
  const line = (value: unknown) => encoder.encode(JSON.stringify(value) + "\n");
  const first = messages.next();
  await settledWithin(first, firstMessageMs);

  let pending: Promise<IteratorResult<Message, void>> | null = first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next: IteratorResult<Message, void> = await (pending ?? messages.next());
        pending = null;
        if (!next.done) return controller.enqueue(line(json(operation, next.value)));
        record.ended();
      } catch (error) {
        const shown = record.failed(error);
        if (abort.signal.aborted) return;
        controller.enqueue(line({ error: problemOf(shown, call.requestId) }));
      }
      controller.close();
    },
    async cancel() {
      abort.abort();
      // The handler may be deep in an await that the signal ends with an error: nobody is left to hear it.
      await messages.return().catch(() => {});
      record.ended();
    },
  }, { highWaterMark: 0 });
  return jsonResponse(body, "application/x-ndjson");
}

/** Waits for the promise, at most `ms`; throws what it throws in that time. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  // A rejection after the time is read by the stream; without this it would count as unhandled until then.
  promise.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  try {
    await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
