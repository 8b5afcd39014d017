/**
 * Keeps node:http2 from crashing the process.
 *
 * Deno 2.9.4 to 2.9.6 free the native HTTP/2 session at once when JavaScript
 * destroys it (denoland/deno issue 36788). When that happens inside a callback of
 * nghttp2_session_mem_recv(), as it does when a peer says GOAWAY at the end of a
 * connection, nghttp2 goes on in freed memory: the process ends with SIGSEGV or
 * SIGABRT. Any well-behaved peer can cause it. The guard puts the free off by one
 * turn of the event loop, when no native frame of the session is on the stack.
 * Our servers are lib/http2; the guard is for the clients, which are grpc-js.
 *
 * h2_guard_test.ts shows a process crashing without it. Look at both again when
 * Deno is updated; when the test no longer crashes, the guard can go.
 */
import { Duplex } from "node:stream";
import http2, { type ServerHttp2Session } from "node:http2";

type NativeDestroy = (this: object, code: number, socketDestroyed: boolean) => void;
type NativePrototype = { destroy?: NativeDestroy; [guarded]?: true };

const guarded = Symbol("metacircular.h2_guard");

/**
 * Installs the guard for the whole process; the second time does nothing. Call it before anything opens HTTP/2.
 * Throws when the runtime's inside doesn't look as expected: such a process must not use HTTP/2.
 */
export function requireHttp2Guard(): void {
  const prototype = nativeSessionPrototype();
  if (prototype[guarded]) return;
  const destroy = prototype.destroy;
  if (typeof destroy !== "function") throw notInstallable("the native session has no destroy()");
  prototype.destroy = function (this: object, code, socketDestroyed) {
    setImmediate(() => destroy.call(this, code, socketDestroyed));
  };
  prototype[guarded] = true;
}

let known: NativePrototype | undefined;

/** The class behind a session's native handle is not exported; the way to it is a session, opened over nothing. */
function nativeSessionPrototype(): NativePrototype {
  if (known !== undefined) return known;
  const nothing = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const { performServerHandshake } = http2 as unknown as { performServerHandshake?(s: Duplex): ServerHttp2Session };
  if (typeof performServerHandshake !== "function") throw notInstallable("node:http2 has no performServerHandshake()");
  const session = performServerHandshake(nothing);
  session.on("error", () => {});
  try {
    const key = Object.getOwnPropertySymbols(session).find((symbol) => symbol.description === "kHandle");
    const handle = key && (session as unknown as Record<symbol, object | undefined>)[key];
    if (!handle) throw notInstallable("a session has no native handle");
    return known = Object.getPrototypeOf(handle) as NativePrototype;
  } finally {
    session.destroy();
    nothing.destroy();
  }
}

const notInstallable = (why: string): Error =>
  new Error(
    `The node:http2 crash guard can't be installed on Deno ${Deno.version.deno}: ${why}; ` +
      "run the Deno version that this program was built for",
  );
