/**
 * A proxy whose route for a.test asks for sign-in, an MCIAS, and visitors.
 * @module
 */
import assert from "node:assert/strict";
import { type TestMcias, testMcias } from "./mcias.ts";
import { type TestProxy, testProxy, type TestRoute } from "./proxy.ts";
import { answering, exchange, type RawBackend } from "./raw.ts";

const accounts = { ada: ["admin", "user"], uma: ["user"], robot: null };
export const browser = "Accept: text/html,*/*;q=0.8\r\n";

export interface UnderTest extends AsyncDisposable {
  proxy: TestProxy;
  mcias: TestMcias;
  backend: RawBackend;
  /** What the backend was sent. */
  heads: string[];
  put(settings?: Partial<TestRoute>): void;
  /** Answer to a request for a.test; its connection ends with it. */
  ask(start: string, fields?: string, body?: string): Promise<Answer>;
}

export interface Answer {
  status: number;
  head: string;
  body: string;
  field(name: string): string;
}

export async function underTest(toml = ""): Promise<UnderTest> {
  await using stack = new AsyncDisposableStack();
  const mcias = stack.use(await testMcias(accounts));
  const heads: string[] = [];
  const backend = stack.use(answering("hello", heads));
  const proxy = stack.use(await testProxy(mcias.toml + toml, { a: ["a.test", "b.test"] }));
  const put = (settings: Partial<TestRoute> = {}) => {
    const certificate = (settings.path ?? "/") === "/" ? { tlsCert: "a.pem", tlsKey: "a.key" } : {};
    proxy.put({ hostname: "a.test", mode: "l7", backends: [`127.0.0.1:${backend.port}`], ...certificate, ...settings });
  };
  put({ signIn: { allow: [] } });
  const running = stack.move();
  return {
    ...{ proxy, mcias, backend, heads, put },
    async ask(start, fields = "", body = "") {
      const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
      const type = body === "" ? "" : "Content-Type: application/x-www-form-urlencoded\r\n";
      const at = { port: proxy.port, hostname: "a.test", ca: proxy.ca };
      return read(
        await exchange(
          at,
          `${start} HTTP/1.1\r\nHost: a.test\r\n${fields}${type}${length}Connection: close\r\n\r\n${body}`,
        ),
      );
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function read(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  return {
    status: Number(head.slice(9, 12)),
    head,
    body: text.slice(end + 4),
    field: (name) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1]?.trim() ?? "",
  };
}

/** The cookies of an answer, as a browser sends them. */
export function cookiesOf({ head }: Answer): string[] {
  return [...head.matchAll(/^set-cookie: ([^;]*)/gim)].map(([, pair]) => pair!);
}

/** A visitor with a form in hand: its cookie, and the hidden field's text. */
export async function form(test: UnderTest, path = "/.mcproxy/sign-in") {
  const page = await test.ask(`GET ${path}`, browser);
  assert.equal(page.status, 200);
  const [cookie = ""] = cookiesOf(page);
  assert.match(cookie, /^__Host-mcproxy-form=[\w-]{22}$/);
  const token = /name="csrf_token" value="([^"]*)"/.exec(page.body)![1]!;
  assert.equal(cookie.split("=")[1], token);
  return { cookie, token };
}

/** Signs in with the form. @returns the answer, and the cookies that the visitor has then */
export async function signIn(
  test: UnderTest,
  username: string,
  { next = "/x?y=z", password = `password of ${username}` } = {},
) {
  const { cookie, token } = await form(test);
  const body = new URLSearchParams({ username, password, next, csrf_token: token }).toString();
  const answer = await test.ask("POST /.mcproxy/sign-in", `Cookie: ${cookie}\r\nOrigin: https://a.test\r\n`, body);
  return { answer, cookies: [cookie, ...cookiesOf(answer)], token };
}
