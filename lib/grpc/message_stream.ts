/** The messages of a streaming call, all of them. */
import type { ClientReadableStream } from "@grpc/grpc-js";
import type { Buffer } from "node:buffer";

/**
 * Yields what the server sent, then throws the call's error, if any. The stream's own iterator would drop messages:
 * grpc-js emits the error as soon as it arrives, ahead of messages that are still buffered.
 */
export async function* messagesOf(call: ClientReadableStream<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const arrived: Buffer[] = [];
  let failure: Error | null = null;
  let ended = false;
  let wake = () => {};
  call.on("data", (bytes: Buffer) => {
    arrived.push(bytes);
    // One at a time: what the reader doesn't take stays in the stream, whose window holds the server back.
    call.pause();
    wake();
  });
  call.on("error", (error: Error) => failure = error);
  call.on("end", () => {
    ended = true;
    wake();
  });
  for (;;) {
    const bytes = arrived.shift();
    if (bytes !== undefined) {
      yield bytes;
    } else if (ended) {
      if (failure !== null) throw failure;
      return;
    } else {
      const waiting = new Promise<void>((resolve) => wake = resolve);
      call.resume();
      await waiting;
    }
  }
}
