/**
 * The body of a node message as a web stream: chunks pass through uncopied, and
 * a reader that stops reading stops the sender.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { unavailable } from "@lib/errors/mod.ts";

/** Bytes held per message before the sender is paused: a few TLS records, so that reading and writing overlap. */
const windowBytes = 128 * 1024;

/** Told when a server starts and stops to wait for its client. */
export interface WaitWatch {
  waiting(): void;
  moving(): void;
}

/** How a body is to behave at its ends. */
export interface MessageBodyOptions {
  /** The message of the `unavailable` error when the sender goes away before the end. */
  cut: string;
  watch: WaitWatch;
  /** What to do when the reader has seen enough. */
  onCancel(): void;
}

/** Streams `message`; errors with `unavailable` when it is cut off. */
export function messageBody(
  message: IncomingMessage,
  { cut, watch, onCancel }: MessageBodyOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let done = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const fail = () => {
        if (done) return;
        done = true;
        watch.moving();
        controller.error(unavailable(cut));
      };
      message.on("data", (chunk: Buffer<ArrayBuffer>) => {
        if (done) return;
        watch.moving();
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) <= 0) message.pause();
        else watch.waiting();
      });
      message.on("end", () => {
        if (done) return;
        done = true;
        watch.moving();
        controller.close();
      });
      message.on("error", fail);
      message.on("close", fail);
      message.pause();
    },
    pull() {
      if (done) return;
      watch.waiting();
      message.resume();
    },
    cancel() {
      done = true;
      watch.moving();
      onCancel();
    },
  }, { highWaterMark: windowBytes, size: (chunk) => chunk.byteLength });
}
