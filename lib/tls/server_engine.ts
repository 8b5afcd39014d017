/**
 * The runtime's TLS without streams around it: encrypted bytes in, decrypted bytes out, and the other way, each in one call.
 *
 * Why: a TLSSocket over a stream of ours passes every byte through four node streams and a dozen promises and ticks, which
 * cost twice as much as the encryption itself. Below it is `TLSWrap`, the runtime's binding of rustls, which is driven
 * here directly. It is no public interface: a runtime that lacks it in the form that is needed is refused when the first
 * engine is made, and a test fails on it.
 *
 * The binding calls back from inside `feed`. These callbacks only take notes: nothing is called on the binding from
 * within one of its own calls.
 * @module
 */
import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { unavailable } from "@lib/errors/mod.ts";

/** What is used of the binding. */
interface TlsWrap {
  onread: (data: ArrayBuffer | undefined) => void;
  onerror: (error: Error) => void;
  onhandshakedone: () => void;
  onhandshakestart: () => void;
  initServerTls(context: unknown): number;
  attachJsStream(): number;
  setHandle(handle: object): void;
  setAlpnProtocols(names: string[]): void;
  start(): number;
  readStart(): number;
  receive(bytes: Uint8Array): void;
  writeBuffer(request: object, bytes: Uint8Array): number;
  drainEncOut(): Uint8Array;
  shutdown(request: object): number;
  getAlpnNegotiatedProtocol(into: { alpnProtocol?: string | false }): number;
  getPeerCertificateChain(): { certificates: Uint8Array[] } | null;
  verifyError(): string;
  isSessionReused(): boolean;
  destroySsl(): void;
}

const needed = [
  "initServerTls",
  "attachJsStream",
  "setHandle",
  "setAlpnProtocols",
  "start",
  "readStart",
  "receive",
  "writeBuffer",
  "drainEncOut",
  "shutdown",
  "getAlpnNegotiatedProtocol",
  "getPeerCertificateChain",
  "verifyError",
  "isSessionReused",
  "destroySsl",
] as const;

/** The kind of a server's connection. */
const serverKind = 1;

/**
 * The binding encrypts at most 48 KiB per call and would lose what is left when the next call comes: three records of
 * the largest size (RFC 8446 §5.1).
 */
const sealBytes = 48 * 1024;

/** Of the error for a client that shows no certificate, though one is required. */
const noCertificateCode = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";

/** The binding asks it for a callback when it has taken a write; ours needs none. */
const request = {};

let binding: (new (kind: number, asyncId: number) => TlsWrap) | null | undefined;

function findBinding(): (new (kind: number, asyncId: number) => TlsWrap) | null {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(stream as unknown as ConstructorParameters<typeof TLSSocket>[0], { isServer: true });
  try {
    const handle = (socket as unknown as { _handle?: object })._handle;
    const found = handle?.constructor as (new (kind: number, asyncId: number) => TlsWrap) | undefined;
    if (found === undefined || found.name !== "TLSWrap") return null;
    const prototype = found.prototype as Partial<Record<string, unknown>>;
    return needed.every((name) => typeof prototype[name] === "function") ? found : null;
  } finally {
    socket.destroy();
    stream.destroy();
  }
}

/**
 * Finds what {@linkcode ServerEngine} is made of; programs that can't do without call it at their start.
 * @throws PlatformError `unavailable` when this runtime hasn't got it
 */
export function requireEngine(): void {
  if ((binding ??= findBinding()) !== null) return;
  throw unavailable(`This runtime (Deno ${Deno.version.deno}) has no TLS engine that is known here`, {
    hint: "Use the version of Deno that the platform is built for",
  });
}

/** Asking clients for a certificate. */
export interface ClientAsk {
  /** Certificates that theirs must lead to, PEM: clients are told their names, to choose by. */
  ca: string;
  /** A client without one is refused, with the alert certificate_required. */
  isRequired: boolean;
}

/** What a client has shown. That it holds the first one's key is proven; what the chain is worth is not. */
export interface ClientChain {
  /** DER, the client's own first. */
  certificates: Uint8Array[];
  /**
   * What the runtime has against the chain, in a word of node:tls; "" for nothing. It never ends a handshake for it,
   * takes no notice of a CA that has ended, and has nothing against any chain of a session that is resumed: this alone is
   * no reason to trust the client.
   */
  verdict: string;
}

/** One connection's encryption, the server's side. */
export class ServerEngine {
  /** Decrypted bytes that `feed` has brought; whoever reads them takes them out. */
  readonly received: Uint8Array[] = [];
  /** The handshake is done. */
  established = false;
  /** The peer has sent its closing alert: nothing more will come. */
  ended = false;
  /** What went wrong; the alert that says so is in `output`. The engine is of no more use then. */
  error: Error | null = null;
  readonly #wrap: TlsWrap;
  #closed = false;

  /**
   * @param context made with the versions that are wanted
   * @param alpn in order of preference
   * @param ask null asks clients for no certificate
   * @throws Error when the context can't be used; see {@linkcode requireEngine} too
   */
  constructor(context: SecureContext, alpn: string[], ask: ClientAsk | null = null) {
    requireEngine();
    const wrap = this.#wrap = new binding!(serverKind, 0);
    const inner = (context as { context?: unknown }).context ?? context;
    const asking = ask === null ? null : { ca: ask.ca, requestCert: true, rejectUnauthorized: ask.isRequired };
    if (wrap.initServerTls(asking === null ? inner : { ...inner, ...asking }) !== 0) {
      throw new Error("The TLS context can't be used");
    }
    wrap.attachJsStream();
    wrap.setHandle(wrap);
    wrap.onread = (data) => {
      if (data === undefined) this.ended = true;
      else this.received.push(new Uint8Array(data));
    };
    wrap.onerror = (error) => this.error = error;
    wrap.onhandshakestart = () => {};
    wrap.onhandshakedone = () => this.established = true;
    wrap.setAlpnProtocols(alpn);
    if (wrap.start() !== 0) throw new Error("The TLS engine doesn't start");
    wrap.readStart();
  }

  /** The protocol agreed on, or false. */
  get alpnProtocol(): string | false {
    const found: { alpnProtocol?: string | false } = {};
    this.#wrap.getAlpnNegotiatedProtocol(found);
    return found.alpnProtocol || false;
  }

  /** What ended the handshake, where it was the client's certificate: none, though one is required, or one that can't be read. */
  get clientFault(): "none" | "bad" | null {
    if (this.error === null) return null;
    const { code } = this.error as { code?: string };
    if (code === noCertificateCode) return "none";
    return this.#closed || this.#wrap.verifyError() === "" ? null : "bad";
  }

  /**
   * The client goes on with a session that this process began with the same name, whatever was asked of it then: it isn't
   * asked for a certificate now, and `clientChain` is what it showed at that time. Known with the hello, before `output`.
   */
  get isResumed(): boolean {
    return !this.#closed && this.#wrap.isSessionReused();
  }

  /** What the client has shown; null when it has shown nothing, or wasn't asked. */
  get clientChain(): ClientChain | null {
    const certificates = this.#closed ? [] : this.#wrap.getPeerCertificateChain()?.certificates ?? [];
    return certificates.length === 0 ? null : { certificates, verdict: this.#wrap.verifyError() };
  }

  /** Takes what came from the peer; the bytes may be used again at once. What came of it is in the fields. */
  feed(bytes: Uint8Array): void {
    if (!this.#closed) this.#wrap.receive(bytes);
  }

  /** What is to be sent now, after the handshake moved on or something went wrong; empty when nothing is. */
  output(): Uint8Array {
    return this.#closed ? new Uint8Array() : this.#wrap.drainEncOut();
  }

  /** Encrypts, as records to be sent in order; `bytes` may be used again at once. */
  seal(bytes: Uint8Array): Uint8Array[] {
    const sealed: Uint8Array[] = [];
    for (let at = 0; at < bytes.length && !this.#closed; at += sealBytes) {
      this.#wrap.writeBuffer(request, bytes.length <= sealBytes ? bytes : bytes.subarray(at, at + sealBytes));
      sealed.push(this.#wrap.drainEncOut());
    }
    return sealed;
  }

  /** The closing alert, to be sent last (RFC 8446 §6.1). */
  end(): Uint8Array {
    if (this.#closed) return new Uint8Array();
    this.#wrap.shutdown(request);
    return this.#wrap.drainEncOut();
  }

  /** Lets go of the keys and buffers. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wrap.destroySsl();
  }
}
