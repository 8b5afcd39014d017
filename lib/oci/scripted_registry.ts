/** A registry in memory that does what a test tells it, wrong things above all. For tests only. */
import type { ClientRequest, ClientResponse } from "@lib/http/mod.ts";
import { digestOf } from "./digest.ts";
import type { Transport } from "./registry_client.ts";

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** Answers in place of the registry's own behaviour; null leaves it to that. */
export type Script = (line: string, request: ClientRequest) => Reply | null;

const encoder = new TextEncoder();

export class ScriptedRegistry implements Transport {
  /** Every request as "METHOD path" with what it was authorised by. */
  readonly lines: string[] = [];
  readonly content = new Map<string, Uint8Array>();
  /** How many response bodies were neither read nor cancelled. */
  openBodies = 0;
  expiresInSeconds = 300;
  readonly #script: Script;
  #tokens = 0;

  constructor(script: Script = () => null) {
    this.#script = script;
  }

  async request(request: ClientRequest): Promise<ClientResponse> {
    const line = `${request.method} ${request.path}`;
    const authorization = new Headers(request.headers).get("authorization") ?? "nobody";
    this.lines.push(`${line} ${authorization}`);
    const reply = this.#script(line, request) ?? await this.#behave(request, authorization);
    const bytes = typeof reply.body === "string" ? encoder.encode(reply.body) : reply.body ?? new Uint8Array();
    this.openBodies++;
    const sent = bytes.slice();
    let done = false;
    const settle = () => {
      if (!done) this.openBodies--;
      done = true;
    };
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (sent.length > 0) controller.enqueue(sent);
        settle();
        controller.close();
      },
      cancel: settle,
    }, { highWaterMark: 0 });
    return { status: reply.status, headers: new Headers(reply.headers), body };
  }

  async #behave({ method, path, body }: ClientRequest, authorization: string): Promise<Reply> {
    const { pathname, searchParams } = new URL(path, "https://registry");
    if (pathname === "/v2/token") {
      const token = `token${++this.#tokens}`;
      return { status: 200, body: JSON.stringify({ token, expires_in: this.expiresInSeconds }) };
    }
    if (!authorization.startsWith("Bearer ")) {
      const challenge = 'Bearer realm="https://elsewhere.example/v2/token",service="the registry"';
      return { status: 401, headers: { "www-authenticate": challenge } };
    }
    const bytes = body === undefined
      ? new Uint8Array()
      : new Uint8Array(await new Response(body as Uint8Array<ArrayBuffer>).arrayBuffer());
    if (method === "POST") return { status: 202, headers: { location: "/v2/app/blobs/uploads/1?state=x" } };
    if (method === "PUT") {
      const digest = digestOf(bytes);
      this.content.set(searchParams.get("digest") ?? pathname.split("/").at(-1)!, bytes);
      this.content.set(digest, bytes);
      return { status: 201, headers: { "docker-content-digest": digest } };
    }
    const found = this.content.get(pathname.split("/").at(-1)!);
    if (found === undefined) {
      return {
        status: 404,
        body: JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "no such thing" }] }),
      };
    }
    return {
      status: 200,
      headers: { "docker-content-digest": digestOf(found) },
      ...(method === "HEAD" ? {} : { body: found }),
    };
  }
}
