/**
 * The request's body on its way to the backend, beside the response.
 * @module
 */
import type { Deadline, Deadlines } from "../stream/deadlines.ts";
import { BodyCut, type BodySink, type BodySource, relayBody } from "./body.ts";

export interface UploadOptions {
  from: BodySource;
  to: BodySink;
  deadlines: Deadlines;
  /** Longest wait for more of the body, ms. */
  clientMs: number;
  /** Longest wait for the backend to take more, ms. */
  backendMs: number;
  /** Called before each wait. @param bytes of the body that are about to move */
  moved(bytes: number): void;
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
  readonly #deadline: Deadline;
  #relaxed = false;

  constructor(options: UploadOptions) {
    let side: "source" | "sink" = "source";
    this.#deadline = options.deadlines.open(() => {
      if (this.state === "running") finish(side === "source" ? "stalled" : "backend_stalled", null);
    });
    const finish = (state: UploadState, error: unknown) => {
      this.#deadline.close();
      if (this.state !== "running") return;
      this.state = state;
      this.error = error;
      options.settled(this);
    };
    const relayed = async () =>
      await relayBody(options.from, options.to, (on, bytes) => {
        side = on;
        options.moved(bytes);
        if (this.state !== "running" || this.#relaxed) return;
        this.#deadline.set(on === "source" ? options.clientMs : options.backendMs);
      });
    relayed().then(
      () => finish("done", null),
      (error) => finish(error instanceof BodyCut && error.side === "sink" ? "refused" : "broken", error),
    );
  }

  /** The response has begun: from here on the two directions have one deadline, which isn't this one. */
  relax(): void {
    this.#relaxed = true;
    this.#deadline.clear();
  }
}
