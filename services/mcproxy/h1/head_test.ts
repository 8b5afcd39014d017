import assert from "node:assert/strict";
import type { ByteStream } from "../stream/byte_stream.ts";
import { HttpFault } from "../relay/fault.ts";
import { parseRequest } from "./request.ts";
import { readHead } from "./head.ts";
import { seeded } from "@lib/testing/mod.ts";

/** A stream that delivers given pieces, each in the same buffer, as a socket's would. */
class Pieces implements ByteStream {
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #pieces: string[];
  readonly #buffer = new Uint8Array(4096);
  left = "";
  constructor(pieces: string[]) {
    this.#pieces = pieces;
  }
  read() {
    const piece = this.#pieces.shift();
    if (piece === undefined) return null;
    this.#buffer.fill(0);
    for (let index = 0; index < piece.length; index++) this.#buffer[index] = piece.charCodeAt(index);
    return this.#buffer.subarray(0, piece.length);
  }
  unread(bytes: Uint8Array) {
    this.left = String.fromCharCode(...bytes);
  }
  write = () => Promise.resolve();
  endWrite = () => Promise.resolve();
  destroy() {}
}

const limits = { maxBytes: 1024, maxFields: 10 };

Deno.test("readHead reads a head however it is cut, and leaves what follows", async () => {
  const text = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Y:\t v w \r\nX-Empty:\r\n\r\nrest";
  for (let size = 1; size <= text.length; size++) {
    const pieces: string[] = [];
    for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
    const stream = new Pieces(pieces);
    const head = await readHead(stream, limits);
    assert.deepEqual(head, {
      line: "GET / HTTP/1.1",
      names: ["host", "x-y", "x-empty"],
      shown: ["Host", "X-Y", "X-Empty"],
      values: ["a.test", "v w", ""],
    });
    assert.ok("rest".startsWith(stream.left), `pieces of ${size}: ${stream.left}`);
  }
});

Deno.test("readHead is null at an end before the first byte, takes one empty line, keeps bytes above ASCII", async () => {
  assert.equal(await readHead(new Pieces([]), limits), null);
  assert.equal((await readHead(new Pieces(["\r\nGET / HTTP/1.1\r\n\r\n"]), limits))?.line, "GET / HTTP/1.1");
  const odd = await readHead(new Pieces(["GET / HTTP/1.1\r\nA: \xa0\xff \r\n\r\n"]), limits);
  assert.deepEqual(odd?.values, ["\xa0\xff"]);
});

Deno.test("readHead reads and refuses a head in one piece as it does octet by octet", async () => {
  const below = seeded(9112);
  const whole =
    "GET /a?b=c HTTP/1.1\r\nHost: a.test\r\nUser-Agent:\tx: y \r\naccept: */*\r\nX-Empty:\r\n\r\nrest: of it\r\n\r\n";
  const odd = "\r\n\t :\0\x7f\xa0AZaz@[";
  const small = { maxBytes: 110, maxFields: 5 };
  const outcome = async (pieces: string[]) => {
    const stream = new Pieces(pieces);
    try {
      const head = await readHead(stream, small);
      return { head, length: whole.length };
    } catch (error) {
      assert.ok(error instanceof HttpFault, String(error));
      return { status: error.status, reason: error.reason };
    }
  };
  let read = 0;
  const refused = new Set<string>();
  for (let turn = 0; turn < 5000; turn++) {
    let text = whole;
    for (let change = below(4); change > 0; change--) {
      const at = below(text.length);
      const put = odd[below(odd.length)]!;
      text = text.slice(0, at) + [put, put + text[at]!, ""][below(3)]! + text.slice(at + 1);
    }
    const [once, each] = [await outcome([text]), await outcome([...text])];
    assert.deepEqual(once, each, JSON.stringify(text));
    if ("head" in once) read++;
    else refused.add(once.reason);
  }
  assert.ok(read > 500, `${read} were read`);
  assert.ok(refused.size >= 6, [...refused].join("; "));
});

Deno.test("readHead refuses malformed heads", async () => {
  const start = "GET / HTTP/1.1\r\n";
  const rows: [head: string, status: number, reason: string][] = [
    [`${start}Host: a\n\r\n`, 400, "line feed without carriage return"],
    ["GET / HTTP/1.1\n\n", 400, "line feed without carriage return"],
    ["\n", 400, "line feed without carriage return"],
    ["\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400, "empty lines before the start line"],
    [`${start}A: b\rc\r\n\r\n`, 400, "control character in the head"],
    [`${start}A: b\r\r\n\r\n`, 400, "control character in the head"],
    [`${start}A: b\0c\r\n\r\n`, 400, "control character in the head"],
    [`${start}A: b\x0bc\r\n\r\n`, 400, "control character in the head"],
    [`${start}A: b\x7f\r\n\r\n`, 400, "control character in the head"],
    ["GET /\0 HTTP/1.1\r\n\r\n", 400, "control character in the head"],
    [`${start}A: b\r\n c\r\n\r\n`, 400, "folded field line"],
    [`${start}A: b\r\n\tc\r\n\r\n`, 400, "folded field line"],
    [`${start} A: b\r\n\r\n`, 400, "folded field line"],
    [`${start}A : b\r\n\r\n`, 400, "field name is not a token"],
    [`${start}A\t: b\r\n\r\n`, 400, "field name is not a token"],
    [`${start}: b\r\n\r\n`, 400, "field name is not a token"],
    [`${start}A(B): b\r\n\r\n`, 400, "field name is not a token"],
    [`${start}\xc4: b\r\n\r\n`, 400, "field name is not a token"],
    [`${start}AB\r\n\r\n`, 400, "field line without a colon"],
    [`${start}Host: a`, 400, "the message ends inside its head"],
    [`${start}A: ${"b".repeat(1024)}\r\n\r\n`, 431, "head larger than 1024 bytes"],
    [`${start}A: ${"b".repeat(1024)}`, 431, "head larger than 1024 bytes"],
    ["A".repeat(1024), 431, "head larger than 1024 bytes"],
    [`${start}${"A: b\r\n".repeat(11)}\r\n`, 431, "more than 10 fields"],
  ];
  for (const [text, status, reason] of rows) {
    for (const pieces of [[text], [...text]]) {
      await assert.rejects(readHead(new Pieces(pieces), limits), { name: "HttpFault", status, reason }, text);
    }
  }
});

Deno.test("parseRequest refuses every shape that two servers could read differently", async () => {
  const host = "Host: a.test\r\n";
  const rows: [head: string, answer: string][] = [
    [
      `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n`,
      "400 both Transfer-Encoding and Content-Length",
    ],
    [
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n`,
      "400 both Transfer-Encoding and Content-Length",
    ],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n`, "400 more than one Content-Length"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n`, "400 more than one Content-Length"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: +1\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 0x1\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1 2\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content-Length:\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1234567890123456\r\n`, "400 Content-Length that is not a number"],
    [`POST / HTTP/1.1\r\n${host}Content_Length: 1\r\n`, "400 field name content_length"],
    [`POST / HTTP/1.1\r\n${host}Transfer_Encoding: chunked\r\n`, "400 field name transfer_encoding"],
    [
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`,
      "400 more than one Transfer-Encoding",
    ],
    [
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n`,
      "400 Transfer-Encoding that doesn't end in one chunked",
    ],
    [
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n`,
      "400 Transfer-Encoding that doesn't end in one chunked",
    ],
    [
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n`,
      "400 Transfer-Encoding that doesn't end in one chunked",
    ],
    [
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n`,
      "400 Transfer-Encoding that doesn't end in one chunked",
    ],
    [`POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n`, "400 Transfer-Encoding that doesn't end in one chunked"],
    [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n`, "501 transfer coding other than chunked"],
    [`POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n`, "400 Transfer-Encoding in HTTP/1.0"],
    [`GET / HTTP/1.1\r\n`, "400 no Host"],
    [`GET / HTTP/1.1\r\n${host}${host}`, "400 more than one Host"],
    [`GET / HTTP/1.1\r\n${host}Host: b.test\r\n`, "400 more than one Host"],
    [`GET / HTTP/1.1\r\nHost:\r\n`, "400 malformed Host"],
    [`GET / HTTP/1.1\r\nHost: a.test b\r\n`, "400 malformed Host"],
    [`GET / HTTP/1.1\r\nHost: a.test/x\r\n`, "400 malformed Host"],
    [`GET / HTTP/1.1\r\nHost: u@a.test\r\n`, "400 malformed Host"],
    [`GET / HTTP/1.1\r\nHost: a.test:x\r\n`, "400 malformed Host"],
    [`GET / HTTP/1.1\r\nHost: a.test:443:1\r\n`, "400 malformed Host"],
    [`GET / HTTP/1.1\r\nHost: b.test\r\n`, "421 Host is not the name of this connection"],
    [`GET / HTTP/1.1\r\nHost: xa.test\r\n`, "421 Host is not the name of this connection"],
    [`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n`, "421 Host is not the name of this connection"],
    [`GET / HTTP/1.1\r\nHost: [::1]:443\r\n`, "421 Host is not the name of this connection"],
    [`GET https://b.test/ HTTP/1.1\r\n${host}`, "400 Host and request target name different hosts"],
    [`GET https://b.test/ HTTP/1.1\r\nHost: b.test\r\n`, "421 Host is not the name of this connection"],
    [`GET https://u@a.test/ HTTP/1.1\r\n${host}`, "400 Host and request target name different hosts"],
    [`GET http://a.test/ HTTP/1.1\r\n${host}`, "421 a plain http target on a TLS connection"],
    [`GET ftp://a.test/ HTTP/1.1\r\n${host}`, "400 malformed request target"],
    [`GET a.test HTTP/1.1\r\n${host}`, "400 malformed request target"],
    [`GET * HTTP/1.1\r\n${host}`, "400 malformed request target"],
    [`GET /#f HTTP/1.1\r\n${host}`, "400 request target with a fragment"],
    [`GET /\xe4 HTTP/1.1\r\n${host}`, "400 request target with characters outside ASCII"],
    [`GET  / HTTP/1.1\r\n${host}`, "400 malformed request line"],
    [`GET / HTTP/1.1 \r\n${host}`, "400 malformed request line"],
    [`GET / x HTTP/1.1\r\n${host}`, "400 malformed request line"],
    [`GET\t/\tHTTP/1.1\r\n${host}`, "400 malformed request line"],
    [`GET /\r\n${host}`, "400 malformed request line"],
    [`G@T / HTTP/1.1\r\n${host}`, "400 malformed request line"],
    [`GET / http/1.1\r\n${host}`, "400 malformed request line"],
    [`GET / HTTP/1.10\r\n${host}`, "400 malformed request line"],
    [`PRI * HTTP/2.0\r\n`, "505 HTTP version other than 1.0 and 1.1"],
    [`GET / HTTP/0.9\r\n${host}`, "505 HTTP version other than 1.0 and 1.1"],
    [`CONNECT a.test:443 HTTP/1.1\r\n${host}`, "501 method CONNECT"],
    [`TRACE / HTTP/1.1\r\n${host}`, "501 method TRACE"],
    [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nExpect: 200-ok\r\n`, "417 unknown expectation"],
  ];
  for (const [text, answer] of rows) {
    const head = await readHead(new Pieces([`${text}\r\n`]), limits);
    try {
      parseRequest(head!, "a.test");
      assert.fail(`accepted: ${JSON.stringify(text)}`);
    } catch (error) {
      if (!(error instanceof HttpFault)) throw error;
      assert.equal(`${error.status} ${error.reason}`, answer, text);
    }
  }
});

Deno.test("parseRequest reads targets, hosts and persistence", async () => {
  const parse = async (text: string) => parseRequest((await readHead(new Pieces([`${text}\r\n`]), limits))!, "a.test");
  const host = "Host: a.test\r\n";
  assert.equal((await parse(`GET https://a.test/x?y HTTP/1.1\r\n${host}`)).target, "/x?y");
  assert.equal((await parse(`GET https://a.test?y HTTP/1.1\r\n${host}`)).target, "/?y");
  assert.equal((await parse(`GET HTTPS://A.Test HTTP/1.1\r\n${host}`)).target, "/");
  assert.equal((await parse(`OPTIONS https://a.test HTTP/1.1\r\n${host}`)).target, "*");
  assert.equal((await parse(`OPTIONS * HTTP/1.1\r\n${host}`)).target, "*");
  assert.equal((await parse(`GET / HTTP/1.1\r\nHost: A.TEST:18443\r\n`)).host, "A.TEST:18443");
  assert.equal((await parse(`GET / HTTP/1.1\r\nHost: a.test.\r\n`)).host, "a.test.");
  assert.equal((await parse(`GET / HTTP/1.0\r\n`)).host, "a.test");
  assert.equal((await parse(`GET / HTTP/1.1\r\n${host}`)).keepAlive, true);
  assert.equal((await parse(`GET / HTTP/1.1\r\n${host}Connection: x, Close\r\n`)).keepAlive, false);
  assert.equal((await parse(`GET / HTTP/1.0\r\n${host}`)).keepAlive, false);
  assert.equal((await parse(`GET / HTTP/1.0\r\n${host}Connection: Keep-Alive\r\n`)).keepAlive, true);
  const upgrade = `${host}Connection: Upgrade\r\nUpgrade: `;
  assert.equal((await parse(`GET / HTTP/1.1\r\n${upgrade}WebSocket\r\n`)).webSocket, true);
  // h2c would let the client speak past every check.
  assert.equal((await parse(`GET / HTTP/1.1\r\n${upgrade}h2c\r\n`)).webSocket, false);
  assert.equal((await parse(`POST / HTTP/1.1\r\n${upgrade}websocket\r\nContent-Length: 1\r\n`)).webSocket, false);
});
