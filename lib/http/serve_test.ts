import assert from "node:assert/strict";
import { once } from "node:events";
import { denied, unavailable } from "@lib/errors/mod.ts";
import { transcript, withServer } from "./server_fixture.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (body: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(body).text();
const head = (method: string, path: string, ...lines: string[]) =>
  [`${method} ${path} HTTP/1.1`, "Host: svc.test", ...lines, "", ""].join("\r\n");

Deno.test("serveHttp maps request and response", () =>
  withServer(async (request, info) => {
    const { method, url, headers } = request;
    return new Response(`${method} ${url} ${headers.get("x-a")} ${info.remote} ${await request.text()}`, {
      status: 201,
      headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-b", "c"]],
    });
  }, async ({ client, port }) => {
    const response = await client.request({
      method: "POST",
      path: "/x?y=1",
      headers: { "x-a": "b" },
      body: bytes("body"),
    });
    assert.equal(response.status, 201);
    assert.equal(await textOf(response.body), `POST https://svc.test:${port}/x?y=1 b 127.0.0.1 body`);
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(response.headers.get("x-b"), "c");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  }));

Deno.test("serveHttp frames each kind of response", () => {
  const rows: [string, string, () => Response, RegExp][] = [
    [
      "text knows its length",
      "GET",
      () => new Response("four"),
      /^HTTP\/1\.1 200 OK\r\ncontent-length: 4\r\n[^]*\r\n\r\nfour$/,
    ],
    ["no body has length 0", "GET", () => new Response(null), /content-length: 0\r\n[^]*\r\n\r\n$/],
    ["an empty text too", "GET", () => new Response(""), /content-length: 0\r\n[^]*\r\n\r\n$/],
    [
      "HEAD keeps the length",
      "HEAD",
      () => new Response("four", { headers: { "content-length": "4" } }),
      /content-length: 4\r\n[^]*\r\n\r\n$/,
    ],
    [
      "204 has no body",
      "GET",
      () => new Response(null, { status: 204 }),
      /^HTTP\/1\.1 204 No Content\r\n(?!.*content-length)[^]*\r\n\r\n$/,
    ],
    [
      "304 keeps its headers",
      "GET",
      () => new Response(null, { status: 304, headers: { etag: '"x"' } }),
      /^HTTP\/1\.1 304 [^]*etag: "x"[^]*\r\n\r\n$/,
    ],
    [
      "a redirect, whose headers can't be changed",
      "GET",
      () => Response.redirect("https://a.test/", 303),
      /^HTTP\/1\.1 303 [^]*location: https:\/\/a\.test\//,
    ],
  ];
  const byPath = new Map(rows.map(([what, , make]) => [`/${encodeURIComponent(what)}`, make]));
  return withServer((request) => byPath.get(new URL(request.url).pathname)!(), async ({ dial }) => {
    for (const [what, method, , expected] of rows) {
      const answer = await transcript(await dial(), head(method, `/${encodeURIComponent(what)}`, "Connection: close"));
      assert.match(answer, expected, what);
      assert.doesNotMatch(answer, /transfer-encoding/i, what);
    }
  });
});

Deno.test("serveHttp sends each chunk of a stream when it comes", async () => {
  const second = Promise.withResolvers<void>();
  await withServer(() => {
    let count = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (count++ === 1) await second.promise;
          if (count === 3) controller.close();
          else controller.enqueue(bytes(`chunk ${count}`));
        },
      }, { highWaterMark: 0 }),
    );
  }, async ({ client }) => {
    const { body } = await client.request({ method: "GET", path: "/" });
    const reader = body.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "chunk 1");
    second.resolve();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "chunk 2");
    assert.equal((await reader.read()).done, true);
  });
});

Deno.test("serveHttp shows a PlatformError as a problem and hides any other", () =>
  withServer((request) => {
    if (request.url.endsWith("/denied")) throw denied("zone-rule", "Cannot write zone", { hint: "Ask" });
    if (request.url.endsWith("/later")) throw unavailable("MCIAS does not answer", { retryAfterSeconds: 5 });
    throw new Error("the password is 1234");
  }, async ({ client, logged }) => {
    const problem = async (path: string) => {
      const { status, headers, body } = await client.request({
        method: "GET",
        path,
        headers: { "x-request-id": "request-1" },
      });
      assert.equal(headers.get("content-type"), "application/problem+json");
      assert.equal(headers.get("x-request-id"), "request-1");
      return { status, retry: headers.get("retry-after"), problem: JSON.parse(await textOf(body)) };
    };
    assert.deepEqual(await problem("/denied"), {
      status: 403,
      retry: null,
      problem: {
        type: "about:blank",
        title: "Denied",
        status: 403,
        detail: "Cannot write zone",
        code: "denied",
        rule: "zone-rule",
        hint: "Ask",
        request_id: "request-1",
      },
    });
    assert.equal((await problem("/later")).retry, "5");
    const hidden = await problem("/other");
    assert.equal(hidden.status, 500);
    assert.doesNotMatch(JSON.stringify(hidden), /1234/);
    assert.match(logged.join(""), /ERROR Handler failed.*request-1.*the password is 1234/);
  }));

Deno.test("serveHttp gives every request an id of its own unless the client's is fit", () =>
  withServer((request, info) => {
    assert.equal(request.headers.get("x-request-id"), info.requestId);
    return new Response(info.requestId);
  }, async ({ client }) => {
    const idFor = async (sent: string) =>
      textOf((await client.request({ method: "GET", path: "/", headers: { "x-request-id": sent } })).body);
    assert.equal(await idFor("a-fit.id_1"), "a-fit.id_1");
    for (const unfit of ["short", "x".repeat(65), "with blank", 'quote"quote']) {
      assert.match(await idFor(unfit), /^[0-9a-f-]{36}$/);
    }
  }));

Deno.test("serveHttp refuses malformed and oversized heads", () => {
  const rows: [string, string, RegExp][] = [
    ["no HTTP", "hello\r\n\r\n", /^HTTP\/1\.1 400 Bad Request/],
    ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^HTTP\/1\.1 (400|505)|^$/],
    [
      "both length and chunked",
      head("POST", "/", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
      /^HTTP\/1\.1 400/,
    ],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400/],
    [
      "a Host that is none",
      "GET / HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 [^]*Host header/,
    ],
    ["a target that is none", "GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400/],
    ["a header over the limit", head("GET", "/", `X-Long: ${"x".repeat(40_000)}`), /^HTTP\/1\.1 431/],
  ];
  return withServer(() => new Response("served"), async ({ dial, client }) => {
    for (const [what, sent, expected] of rows) assert.match(await transcript(await dial(), sent), expected, what);
    assert.equal(await textOf((await client.request({ method: "GET", path: "/" })).body), "served");
  });
});

Deno.test("serveHttp answers pipelined requests in their order", () =>
  withServer(async (request) => {
    const path = new URL(request.url).pathname;
    if (path === "/slow") await new Promise((resolve) => setTimeout(resolve, 20));
    return new Response(path);
  }, async ({ dial }) => {
    const answer = await transcript(
      await dial(),
      head("GET", "/slow") + head("GET", "/quick") + head("GET", "/last", "Connection: close"),
    );
    assert.deepEqual(answer.match(/(?<=\r\n\r\n)\/[a-z]+/g), ["/slow", "/quick", "/last"]);
  }));

Deno.test("serveHttp serves 100 requests at once over kept connections", () =>
  withServer(async (request) => new Response(await request.text()), async ({ client, server }) => {
    const answers = await Promise.all(
      Array.from(
        { length: 100 },
        async (_, index) =>
          textOf((await client.request({ method: "PUT", path: "/", body: bytes(`body ${index}`) })).body),
      ),
    );
    assert.deepEqual(answers, answers.map((_, index) => `body ${index}`));
    assert.equal(server.connections, 16);
  }));

Deno.test("serveHttp lets its headers hook see every response", () =>
  withServer((request) => {
    if (request.url.endsWith("/fail")) throw denied("rule", "No");
    return new Response("x", { headers: { "x-own": "kept" } });
  }, async ({ client }) => {
    for (const path of ["/", "/fail"]) {
      const response = await client.request({ method: "GET", path });
      await response.body.cancel();
      assert.equal(response.headers.get("x-hook"), path);
    }
  }, { onResponse: (request, headers) => headers.set("x-hook", new URL(request.url).pathname) }));

Deno.test("serveHttp aborts the request's signal when the client goes away", async () => {
  const aborted = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  await withServer((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    began.resolve();
    return aborted.promise.then(() => new Response("too late"));
  }, async ({ dial, logged }) => {
    const connection = await dial();
    connection.write(head("GET", "/"));
    await began.promise;
    connection.destroy();
    await aborted.promise;
    await new Promise((resolve) => setTimeout(resolve));
    assert.match(logged.join(""), /DEBUG request .*status=499/);
    assert.doesNotMatch(logged.join(""), /ERROR/);
  });
});

Deno.test("serveHttp cancels the response body when the client goes away", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  await withServer(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(65536)),
          cancel: cancelled.resolve,
        }, { highWaterMark: 0 }),
      ),
    async ({ dial }) => {
      const connection = await dial();
      connection.write(head("GET", "/"));
      await once(connection, "data");
      connection.destroy();
      await cancelled.promise;
    },
  );
});

Deno.test("serveHttp cuts the connection when a body fails half way, so that it can't look whole", () =>
  withServer(() => {
    let count = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (count++ > 2) throw new Error("disk on fire");
          controller.enqueue(new Uint8Array(100_000));
        },
      }),
    );
  }, async ({ client, logged }) => {
    const { body } = await client.request({ method: "GET", path: "/" });
    await assert.rejects(new Response(body).arrayBuffer(), /the connection was closed inside the answer/);
    assert.match(logged.join(""), /ERROR Response failed.*disk on fire/);
  }));
