/**
 * HTTP/1.1 requests for comparing readers: right ones, odd ones, wrong ones. The same seed gives the same requests.
 * @module
 */
import { seeded } from "@lib/testing/mod.ts";

/** The host name of all requests that don't play with it. */
export const host = "h1.peers.test";

export interface H1Case {
  /** Name of the shape that it was made by. */
  readonly shape: string;
  /** All that the client sends, Latin-1: most have a sound request at the end, which a reader that counts wrongly misses. */
  readonly text: string;
}

/** What a shape draws from. */
class Draw {
  constructor(readonly below: (limit: number) => number) {}

  of<T>(...choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  word(length = 1 + this.below(12)): string {
    return Array.from({ length }, () => "abcdefghijklmnopqrstuvwxyz0123456789"[this.below(36)]).join("");
  }

  path(): string {
    return this.of(
      "/",
      `/${this.word()}`,
      `/${this.word()}/${this.word()}`,
      `/${this.word()}?${this.word()}=${this.word()}`,
    );
  }

  /** A body that would be a request if somebody took it for one. */
  body(): string {
    return this.of(
      this.word(40),
      `${this.word()}\r\n${this.word()}`,
      `GET /smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
  }

  /** In the chunked coding, as any sender may write it. */
  chunked(body: string, trailers = ""): string {
    let text = "";
    for (let at = 0; at < body.length;) {
      const data = body.slice(at, at + 1 + this.below(20));
      text += `${this.of("", "0", "000")}${this.cased(data.length.toString(16))}\r\n${data}\r\n`;
      at += data.length;
    }
    return `${text}${this.of("0", "00")}\r\n${trailers}\r\n`;
  }

  /** Letters in either case. */
  cased(text: string): string {
    return [...text].map((letter) => this.of(letter.toUpperCase(), letter.toLowerCase())).join("");
  }
}

/** The sound request at the end. */
const last = `GET /last HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

function message(line: string, fields: readonly string[], body = ""): string {
  return `${[line, `Host: ${host}`, ...fields].join("\r\n")}\r\n\r\n${body}`;
}

const get = (fields: readonly string[]) => (draw: Draw) => message(`GET ${draw.path()} HTTP/1.1`, fields) + last;

/** A chunked body exactly so. */
const chunks = (text: string) => (draw: Draw) =>
  message(`POST ${draw.path()} HTTP/1.1`, ["Transfer-Encoding: chunked"], text) + last;

/** Fields that frame a body, of which `inner` is what those who read chunks take for the end. */
const framed = (...fields: readonly string[]) => (draw: Draw) => {
  const body = draw.body();
  const filled = fields.map((field) =>
    field.replace("LENGTH", String(body.length)).replace("LONGER", String(body.length + 5))
  );
  const isChunked = fields.some((field) => /chunked/i.test(field));
  return message(`POST ${draw.path()} HTTP/1.1`, filled, isChunked ? draw.chunked(body) : body) + last;
};

const line = (text: string | ((draw: Draw) => string)) => (draw: Draw) =>
  message(typeof text === "string" ? text : text(draw), []) + last;

/** Whole head, without Host of ours. */
const raw = (text: string) => () => text + last;

type Shape = (draw: Draw) => string;

/** What RFC 9112 allows, with its oddities. */
export const soundShapes: Readonly<Record<string, Shape>> = {
  "plain": (draw) => message(`${draw.of("GET", "HEAD", "DELETE", "OPTIONS")} ${draw.path()} HTTP/1.1`, []) + last,
  "body by length": (draw) => {
    const body = draw.body();
    return message(`${draw.of("POST", "PUT", "PATCH", "DELETE", "GET")} ${draw.path()} HTTP/1.1`, [
      `Content-Length: ${body.length}`,
    ], body) + last;
  },
  "body in chunks": (draw) =>
    message(`${draw.of("POST", "PUT", "PATCH")} ${draw.path()} HTTP/1.1`, [
      `${draw.cased("transfer-encoding")}: ${draw.cased("chunked")}`,
    ], draw.chunked(draw.body())) + last,
  "chunks with trailers": (draw) =>
    message(
      `POST ${draw.path()} HTTP/1.1`,
      ["Trailer: X-Sum", "Transfer-Encoding: chunked"],
      draw.chunked(draw.body(), `X-Sum: ${draw.word()}\r\n`),
    ) + last,
  "chunk extension": (draw) =>
    message(
      `POST ${draw.path()} HTTP/1.1`,
      ["Transfer-Encoding: chunked"],
      `5;${draw.word()}=${draw.of(draw.word(), '"quoted"')}\r\nhello\r\n0;end\r\n\r\n`,
    ) + last,
  "pipelined": (draw) =>
    Array.from({ length: 1 + draw.below(4) }, () => {
      const body = draw.body();
      return draw.of(
        message(`GET ${draw.path()} HTTP/1.1`, []),
        message(`POST ${draw.path()} HTTP/1.1`, [`Content-Length: ${body.length}`], body),
        message(`POST ${draw.path()} HTTP/1.1`, ["Transfer-Encoding: chunked"], draw.chunked(body)),
      );
    }).join("") + last,
  "names in any case": (draw) => {
    const fields = [`${draw.cased("accept")}: */*`, `${draw.cased("x-one")}: ${draw.word()}`];
    return `GET ${draw.path()} HTTP/1.1\r\n${draw.cased("host")}: ${draw.cased(host)}\r\n${
      fields.join("\r\n")
    }\r\n\r\n` + last;
  },
  "blanks around values": (draw) =>
    message(`POST ${draw.path()} HTTP/1.1`, [
      `X-One:${draw.of("", " ", "\t", " \t ")}${draw.word()}${draw.of("", " ", "\t", "  ")}`,
      `Content-Length:${draw.of("", "  ", "\t")}5${draw.of("", " ", "\t")}`,
    ], "hello") + last,
  "empty value": get(["X-Empty:", "Accept: "]),
  "repeated list field": get(["Accept: text/html", "Accept: text/plain", "X-One: a", "x-one: b"]),
  "octets above ASCII in a value": get(["X-One: caf\xe9 \xff\xa0"]),
  "empty line before": (draw) => `\r\n${message(`GET ${draw.path()} HTTP/1.1`, [])}` + last,
  "HTTP/1.0": (draw) => message(`GET ${draw.path()} HTTP/1.0`, []),
  "HTTP/1.0 kept": (draw) => message(`GET ${draw.path()} HTTP/1.0`, ["Connection: keep-alive"]) + last,
  "HTTP/1.0 without Host": (draw) => `GET ${draw.path()} HTTP/1.0\r\n\r\n`,
  "another minor version": line("GET / HTTP/1.2"),
  "absolute form": (draw) => line(`GET https://${host}${draw.path()} HTTP/1.1`)(draw),
  "absolute form without a path": line(`GET https://${host} HTTP/1.1`),
  "asterisk": line("OPTIONS * HTTP/1.1"),
  "another method": (draw) => line(`${draw.of("PURGE", "M-SEARCH", "x!#$", "get", "PROPFIND")} / HTTP/1.1`)(draw),
  "long target": (draw) => line(`GET /${draw.word(6000)} HTTP/1.1`)(draw),
  "long value": (draw) => get([`X-One: ${draw.word(4000)}`])(draw),
  "escaped target": line("GET /a%20b%2fc%00?d=%ff HTTP/1.1"),
  "Host with a port": (draw) => `GET ${draw.path()} HTTP/1.1\r\nHost: ${host}:443\r\n\r\n` + last,
  "Content-Length 0": (draw) => message(`POST ${draw.path()} HTTP/1.1`, ["Content-Length: 0"]) + last,
  "Content-Length with zeros in front": (draw) =>
    message(`POST ${draw.path()} HTTP/1.1`, ["Content-Length: 0005"], "hello") + last,
  "100-continue": (draw) =>
    message(`PUT ${draw.path()} HTTP/1.1`, ["Expect: 100-continue", "Content-Length: 5"], "hello") + last,
  "Connection names a field": get(["Connection: X-One", "X-One: hop by hop"]),
  "takes trailers": get(["TE: trailers", "Connection: TE"]),
  "WebSocket offered": get([
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ]),
};

/** What is wrong, or could be read in two ways. */
export const oddShapes: Readonly<Record<string, Shape>> = {
  "bare LF everywhere": (draw) => message(`GET ${draw.path()} HTTP/1.1`, ["X-One: a"]).replaceAll("\r", "") + last,
  "bare LF after a field": (draw) => message(`GET ${draw.path()} HTTP/1.1`, ["X-One: a\nX-Two: b"]) + last,
  "bare LF after the request line": (draw) => `GET ${draw.path()} HTTP/1.1\nHost: ${host}\r\n\r\n` + last,
  "bare LF hides a length": (draw) =>
    message(`POST ${draw.path()} HTTP/1.1`, ["X-One: a\nContent-Length: 5"], "hello") + last,
  "bare CR in a value": get(["X-One: a\rb"]),
  "bare CR hides a field": get(["X-One: a\rTransfer-Encoding: chunked"]),
  "bare CR in the request line": line("GET /a\rb HTTP/1.1"),
  "bare CR before the line's end": get(["X-One: a\r"]),
  "folded field": get(["X-One: a", " b"]),
  "folded field, tab": get(["X-One: a", "\tb"]),
  "folded framing": framed("Transfer-Encoding:", " chunked"),
  "folded first field": raw(`GET / HTTP/1.1\r\n Host: ${host}\r\nHost: ${host}\r\n\r\n`),
  "blank before the colon": get(["X-One : a"]),
  "blank before the colon of a length": framed("Content-Length : LENGTH"),
  "blank before the colon of a coding": framed("Transfer-Encoding : chunked"),
  "tab before the colon of a coding": framed("Transfer-Encoding\t: chunked"),
  "blank in a name": get(["X One: a"]),
  "no colon": get(["X-One"]),
  "no name": get([": a"]),
  "odd octet in a name": (draw) =>
    get([`X${draw.of("(", "/", "@", "[", "{", '"', "\x7f", "\xe9", ",", ";")}One: a`])(draw),
  "NUL in a value": get(["X-One: a\0b"]),
  "NUL in a name": get(["X\0One: a"]),
  "control in a value": (draw) => get([`X-One: a${draw.of("\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x7f")}b`])(draw),
  "two equal lengths": framed("Content-Length: LENGTH", "Content-Length: LENGTH"),
  "two lengths": framed("Content-Length: LENGTH", "Content-Length: LONGER"),
  "two lengths, the smaller last": framed("Content-Length: LONGER", "Content-Length: LENGTH"),
  "a list of equal lengths": framed("Content-Length: LENGTH, LENGTH"),
  "a list of lengths": framed("Content-Length: LENGTH, LONGER"),
  "length with a sign": (draw) => framed(`Content-Length: ${draw.of("+", "-")}LENGTH`)(draw),
  "length in another base": framed("Content-Length: 0x5"),
  "length with a word": framed("Content-Length: LENGTH bytes"),
  "length with a fraction": framed("Content-Length: LENGTH.0"),
  "empty length": framed("Content-Length:"),
  "length of 20 digits": framed("Content-Length: 18446744073709551621"),
  "length of 40 digits": framed("Content-Length: 1000000000000000000000000000000000000005"),
  "length and coding": framed("Content-Length: LENGTH", "Transfer-Encoding: chunked"),
  "coding and length": framed("Transfer-Encoding: chunked", "Content-Length: LENGTH"),
  "length and coding, in other words": (draw) => {
    // By length the body ends before what follows; in chunks it ends at once.
    const body = `0\r\n\r\nGET /smuggled HTTP/1.1\r\nX-One: `;
    return message(
      `POST ${draw.path()} HTTP/1.1`,
      [`Content-Length: ${body.length}`, "Transfer-Encoding: chunked"],
      body,
    ) +
      last;
  },
  "coding twice": framed("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
  "coding and identity": framed("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
  "chunked, chunked": framed("Transfer-Encoding: chunked, chunked"),
  "gzip, chunked": framed("Transfer-Encoding: gzip, chunked"),
  "chunked, gzip": framed("Transfer-Encoding: chunked, gzip"),
  "identity": framed("Transfer-Encoding: identity", "Content-Length: LENGTH"),
  "unknown coding": framed("Transfer-Encoding: xchunked"),
  "coding with a parameter": framed("Transfer-Encoding: chunked;q=1"),
  "coding in quotes": framed('Transfer-Encoding: "chunked"'),
  "empty coding": framed("Transfer-Encoding:", "Content-Length: LENGTH"),
  "control before the coding": (draw) =>
    framed(`Transfer-Encoding: ${draw.of("\x0b", "\x0c", "\0", "\xa0")}chunked`)(draw),
  "comma before the coding": framed("Transfer-Encoding: , chunked"),
  "coding with _": framed("Transfer_Encoding: chunked", "Content-Length: LENGTH"),
  "length with _": framed("Content_Length: 5", "Content-Length: LENGTH"),
  "coding in HTTP/1.0": (draw) =>
    message(
      `POST ${draw.path()} HTTP/1.0`,
      ["Connection: keep-alive", "Transfer-Encoding: chunked"],
      draw.chunked(draw.body()),
    ) +
    last,
  "coding, length, HTTP/1.0": (draw) => {
    const body = draw.chunked(draw.body());
    return message(
      `POST ${draw.path()} HTTP/1.0`,
      [`Content-Length: ${body.length}`, "Transfer-Encoding: chunked"],
      body,
    ) + last;
  },
  "two Hosts": get([`Host: ${host}`]),
  "two different Hosts": get(["Host: other.test"]),
  "no Host": raw("GET / HTTP/1.1\r\n\r\n"),
  "empty Host": raw("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
  "Host of another": raw("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"),
  "Host with a path": raw(`GET / HTTP/1.1\r\nHost: ${host}/a\r\n\r\n`),
  "Host with a user": raw(`GET / HTTP/1.1\r\nHost: user@${host}\r\n\r\n`),
  "Host with a blank": raw(`GET / HTTP/1.1\r\nHost: ${host} other.test\r\n\r\n`),
  "list of Hosts": raw(`GET / HTTP/1.1\r\nHost: ${host}, other.test\r\n\r\n`),
  "Host with an odd port": (draw) =>
    raw(`GET / HTTP/1.1\r\nHost: ${host}:${draw.of("x", "-1", "443x", "123456")}\r\n\r\n`)(),
  "absolute form of another host": line("GET https://other.test/ HTTP/1.1"),
  "absolute form with a user": line(`GET https://user@${host}/ HTTP/1.1`),
  "absolute form of plain http": line(`GET http://${host}/ HTTP/1.1`),
  "absolute form of another scheme": line(`GET ftp://${host}/ HTTP/1.1`),
  "absolute form of no host": line("GET https:/// HTTP/1.1"),
  "asterisk with GET": line("GET * HTTP/1.1"),
  "target without a slash": line("GET index.html HTTP/1.1"),
  "target with a fragment": line("GET /a#b HTTP/1.1"),
  "target with a blank": line("GET /a b HTTP/1.1"),
  "target above ASCII": line("GET /caf\xe9 HTTP/1.1"),
  "target with a control": (draw) => line(`GET /a${draw.of("\0", "\x01", "\x0b", "\x7f")}b HTTP/1.1`)(draw),
  "no target": line("GET HTTP/1.1"),
  "two blanks": (draw) => line(draw.of("GET  / HTTP/1.1", "GET /  HTTP/1.1"))(draw),
  "blank behind the version": line("GET / HTTP/1.1 "),
  "blank in front": line(" GET / HTTP/1.1"),
  "tab in the request line": (draw) => line(draw.of("GET\t/ HTTP/1.1", "GET /\tHTTP/1.1"))(draw),
  "odd octet in the method": (draw) =>
    line(`GE${draw.of("(", "/", "@", "\x7f", "\xe9", '"', "\0", ":")}T / HTTP/1.1`)(draw),
  "CONNECT": (draw) => raw(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${draw.of(host, `${host}:443`)}\r\n\r\n`)(),
  "TRACE": line("TRACE / HTTP/1.1"),
  "HTTP/0.9": raw("GET /\r\n"),
  "HTTP/2.0": line("GET / HTTP/2.0"),
  "HTTP/2 preface": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
  "HTTP/3.0": line("GET / HTTP/3.0"),
  "version in small letters": line("GET / http/1.1"),
  "version of two digits": (draw) => line(`GET / HTTP/${draw.of("1.10", "01.1", "1.01", "11.1")}`)(draw),
  "version cut short": (draw) => line(`GET / HTTP/${draw.of("1", "1.", ".1", "")}`)(draw),
  "version of another protocol": line("GET / ICAP/1.1"),
  "two empty lines before": () => `\r\n\r\n${message("GET / HTTP/1.1", [])}` + last,
  "bare LF before": () => `\n${message("GET / HTTP/1.1", [])}` + last,
  "150 fields": get(Array.from({ length: 150 }, (_, index) => `X-${index}: a`)),
  "head of 40 KB": (draw) => get(Array.from({ length: 20 }, (_, index) => `X-${index}: ${draw.word(2000)}`))(draw),
  "target of 40 KB": (draw) => line(`GET /${draw.word(40_000)} HTTP/1.1`)(draw),
  "unknown expectation": framed("Expect: miracles", "Content-Length: LENGTH"),
  "expectation of two": framed("Expect: 100-continue, miracles", "Content-Length: LENGTH"),
  "h2c offered": get([
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
  ]),
  "chunk size not hexadecimal": chunks("x\r\nhello\r\n0\r\n\r\n"),
  "no chunk size": chunks("\r\nhello\r\n0\r\n\r\n"),
  "chunk size with 0x": chunks("0x5\r\nhello\r\n0\r\n\r\n"),
  "chunk size with a sign": (draw) => chunks(`${draw.of("+", "-")}5\r\nhello\r\n0\r\n\r\n`)(draw),
  "chunk size with a blank behind": chunks("5 \r\nhello\r\n0\r\n\r\n"),
  "chunk size with a tab behind": chunks("5\t\r\nhello\r\n0\r\n\r\n"),
  "chunk size with a blank in front": chunks(" 5\r\nhello\r\n0\r\n\r\n"),
  "chunk size of 16 digits": chunks("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
  "chunk size of 17 digits": chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"),
  "chunk size of 40 zeros": chunks(`${"0".repeat(40)}5\r\nhello\r\n0\r\n\r\n`),
  "chunk size ended by LF": chunks("5\nhello\r\n0\r\n\r\n"),
  "chunk size ended by CR": chunks("5\rhello\r\n0\r\n\r\n"),
  "chunk size ended by CR CR LF": chunks("5\r\r\nhello\r\n0\r\n\r\n"),
  "chunk ended by LF": chunks("5\r\nhello\n0\r\n\r\n"),
  "chunk without an end": chunks("5\r\nhello0\r\n\r\n"),
  "chunk longer than its size": chunks("5\r\nhello!\r\n0\r\n\r\n"),
  "chunk with two octets too many": chunks("5\r\nhelloXX0\r\n\r\n"),
  "chunk extension with LF": chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"),
  "chunk extension with CR": chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"),
  "chunk extension with NUL": chunks("5;a\0b\r\nhello\r\n0\r\n\r\n"),
  "chunk extension of 1 KB": chunks(`5;${"a".repeat(1024)}\r\nhello\r\n0\r\n\r\n`),
  "chunk extension with a blank before": chunks("5 ;a\r\nhello\r\n0\r\n\r\n"),
  "last chunk ended by LF": chunks("5\r\nhello\r\n0\n\r\n"),
  "trailers ended by LF": chunks("5\r\nhello\r\n0\r\n\n"),
  "trailer with LF": chunks("5\r\nhello\r\n0\r\nX-One: a\n\r\n"),
  "trailer folded": chunks("5\r\nhello\r\n0\r\nX-One: a\r\n b\r\n\r\n"),
  "trailer without a colon": chunks("5\r\nhello\r\n0\r\nX-One\r\n\r\n"),
  "trailer with a length": chunks("5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n"),
  "trailer with a coding": chunks("5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
  "trailer with a Host": chunks("5\r\nhello\r\n0\r\nHost: other.test\r\n\r\n"),
  "trailer with a control": chunks("5\r\nhello\r\n0\r\nX-One: a\x01b\r\n\r\n"),
  "garbage after a request": (draw) => message(`GET ${draw.path()} HTTP/1.1`, []) + `${draw.word(20)}\r\n\r\n` + last,
  "body without framing": (draw) => message(`POST ${draw.path()} HTTP/1.1`, [], draw.body()) + last,
  "body longer than said": (draw) =>
    message(`POST ${draw.path()} HTTP/1.1`, ["Content-Length: 5"], `hello${draw.word(5)}`) + last,
  "body shorter than said": (draw) => message(`POST ${draw.path()} HTTP/1.1`, ["Content-Length: 500"], "hello"),
  "chunks without an end": (draw) =>
    message(`POST ${draw.path()} HTTP/1.1`, ["Transfer-Encoding: chunked"], "5\r\nhello\r\n"),
  "head without an end": (draw) => `GET ${draw.path()} HTTP/1.1\r\nHost: ${host}\r\n`,
};

/** As many cases as told: each shape is there, sound ones make about 40 of 100. */
export function h1Cases(seed: number, count: number): H1Case[] {
  const draw = new Draw(seeded(seed));
  const sound = Object.entries(soundShapes);
  const odd = Object.entries(oddShapes);
  return Array.from({ length: count }, (_, index) => {
    const from = index % 5 < 2 ? sound : odd;
    const turn = index % 5 < 2 ? Math.floor(index / 5) * 2 + index % 5 : Math.floor(index / 5) * 3 + index % 5 - 2;
    const [shape, build] = from[turn % from.length]!;
    return { shape, text: build(draw) };
  });
}
