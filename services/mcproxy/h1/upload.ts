/**
 * The request's body on its way to the backend, beside the response.
 * @module
 */
import type { ByteStream } from "../stream/byte_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { BodyCut, relayBody } from "./body.ts";
import { trailerPasses } from "./forwarding.ts";
import type { Framing } from "./framing.ts";

export interface UploadOptions {
  client: ByteStream;
  backend: ByteStream;
  framing: Framing;
  /** The request's head, which goes before. */
  head: Uint8Array;
  deadlines: Deadlines;
  /** Longest wait for more of the body. */
  clientMs: number;
  /** Longest wait for the backend to take more. */
  backendMs: number;
  /** Called when it is over, whatever way. */
  settled(upload: Upload): void;
}

/**
 * `refused`: the backend stopped taking the body; it may have answered without it. `stalled` and `backend_stalled`:
 * nothing moved for too long. `broken`: the client went away or sent something malformed, see `error`.
 */
export type UploadState = "running" | "done" | "refused" | "stalled" | "backend_stalled" | "broken";

/** Runs from construction on; never rejects. */
export class Upload {
  state: UploadState = "running";
  error: unknown = null;

  constructor(options: UploadOptions) {
    let side: "source" | "sink" = "source";
    const deadline = options.deadlines.open(() => {
      if (this.state === "running") finish(side === "source" ? "stalled" : "backend_stalled", null);
    });
    const finish = (state: UploadState, error: unknown) => {
      deadline.close();
      if (this.state !== "running") return;
      this.state = state;
      this.error = error;
      options.settled(this);
    };
    relayBody({
      from: options.client,
      to: options.backend,
      framing: options.framing,
      coding: options.framing.kind === "chunked" ? "chunked" : "as_is",
      head: options.head,
      trailer: trailerPasses,
      waiting: (on) => {
        side = on;
        if (this.state === "running") deadline.set(on === "source" ? options.clientMs : options.backendMs);
      },
    }).then(
      () => finish("done", null),
      (error) => finish(error instanceof BodyCut && error.side === "sink" ? "refused" : "broken", error),
    );
  }
}
