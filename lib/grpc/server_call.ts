/** One call as the server sees it, from its head to its status. */
import type { ServerStream } from "@lib/http2/mod.ts";
import type { CallHead } from "./call_head.ts";
import { type MessageLimits, MessageReader, prefixed } from "./message_reader.ts";
import { okStatus, statusCodes, statusFields, WireFault, type WireStatus } from "./wire_status.ts";

/** What a caller has for each message of a request, and for its end: they are 1 MiB at most. */
const messageMs = 60_000;
/** Longest time of a timer. */
const maxTimerMs = 2 ** 31 - 1;

export interface ServerCallOptions {
  head: CallHead;
  /** From now; null for none. */
  timeoutMs: number | null;
  /** The peer's address without a port, or "unix". */
  remote: string;
  /** Of messages, until it is known who calls. */
  strangers: MessageLimits;
  /** And from then on. */
  callers: MessageLimits;
}

/** Serves one RPC; what it throws ends the call with an error. */
export type ServeCall = (call: ServerCall) => Promise<void>;

/** See the module. */
export class ServerCall {
  readonly head: CallHead;
  readonly remote: string;
  readonly #stream: ServerStream;
  readonly #messages: MessageReader;
  readonly #callers: MessageLimits;
  readonly #abort = new AbortController();
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #opened = false;
  #ended = false;
  /** Lets a `send` go that waits for room. */
  #release: (() => void) | null = null;

  constructor(stream: ServerStream, { head, timeoutMs, remote, strangers, callers }: ServerCallOptions) {
    this.#stream = stream;
    this.head = head;
    this.remote = remote;
    this.#messages = new MessageReader(stream, strangers);
    this.#callers = callers;
    stream.onReset = () => this.#over();
    if (timeoutMs !== null) {
      this.#deadline = setTimeout(() => this.#expire("Deadline exceeded"), Math.min(timeoutMs, maxTimerMs));
    }
  }

  /** Aborts when the caller hangs up, its connection goes, or its deadline passes; not once the call has ended. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** It is known who calls. */
  identified(): void {
    this.#messages.limits = this.#callers;
  }

  /**
   * The next message of the request, null at its end; the call ends with DEADLINE_EXCEEDED when it takes too long. Rejects
   * with WireFault, or StreamReset when the call is over.
   */
  async next(): Promise<Uint8Array | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = () => this.#expire(`The request did not come within ${messageMs / 1000} s`);
    this.#messages.onWait = () => timer ??= setTimeout(late, messageMs);
    try {
      return await this.#messages.next();
    } finally {
      clearTimeout(timer);
    }
  }

  /** The request of an RPC that takes one message. Rejects like `next`, and for none or more. */
  async onlyMessage(): Promise<Uint8Array> {
    const message = await this.next();
    if (message !== null && await this.next() === null) return message;
    throw new WireFault(statusCodes.unimplemented, "This method takes exactly one message");
  }

  /** Sends the head of the response, unless it has gone: for streams, whose first message may be long in coming. */
  open(): void {
    if (this.#opened || this.#ended) return;
    this.#opened = true;
    this.#stream.respond(200, this.#head(), false);
  }

  #head(): string[] {
    return [
      ...["content-type", "application/grpc+proto", "grpc-accept-encoding", "identity"],
      ...["x-request-id", this.head.requestId],
    ];
  }

  /** Sends a message. Settles when the next one may be sent, or the call is over: then nothing is sent any more. */
  send(message: Uint8Array): Promise<void> | void {
    if (this.#ended || this.#abort.signal.aborted) return;
    this.open();
    const written = this.#stream.write(prefixed(message));
    if (written === undefined) return;
    return new Promise((resolve) => {
      this.#release = resolve;
      written.then(resolve, () => resolve());
    });
  }

  /** Ends the call, the first time: with a head of nothing but the status where no message was sent. */
  end(status: WireStatus = okStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#deadline);
    this.#stream.onReset = null;
    const trailers = statusFields(status);
    if (this.#opened) this.#stream.end(trailers);
    else this.#stream.respond(200, [...this.#head(), ...trailers], true);
  }

  #expire(message: string): void {
    this.end({ code: statusCodes.deadlineExceeded, message, fields: [] });
    this.#over();
  }

  #over(): void {
    clearTimeout(this.#deadline);
    this.#release?.();
    this.#abort.abort();
  }
}
