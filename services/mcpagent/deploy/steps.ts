/**
 * The steps of a change as they happen. The change goes on when nobody listens any more: a
 * client that hangs up must not leave a deploy half done.
 * @module
 */
import { messageOf, PlatformError, toPlatformError } from "@lib/errors/mod.ts";

export type StepName =
  | "pull"
  | "port"
  | "certificate"
  | "start"
  | "health"
  | "route"
  | "record"
  | "stop"
  | "registry"
  | "rollback"
  | "done";

export interface StepReport {
  readonly step: StepName;
  readonly state: "started" | "ok" | "skipped" | "failed";
  readonly detail: string;
  /** Of the last report of a failed change. */
  readonly errorCode: string;
}

/** A change reports to this. */
export class Steps {
  readonly #take: (report: StepReport) => void;

  constructor(take: (report: StepReport) => void) {
    this.#take = take;
  }

  report(step: StepName, state: StepReport["state"], detail = "", errorCode = ""): void {
    this.#take({ step, state, detail, errorCode });
  }

  /** Runs one step: "started", then "ok" with what it returns or, when that is null, "skipped"; "failed" with what it throws. */
  async run<T>(step: StepName, what: string, work: () => Promise<T>, outcome: (value: T) => string | null): Promise<T> {
    this.report(step, "started", what);
    try {
      const value = await work();
      const text = outcome(value);
      this.report(step, text === null ? "skipped" : "ok", text ?? what);
      return value;
    } catch (error) {
      this.report(step, "failed", textOf(error));
      throw error;
    }
  }
}

/** Message and hint of an error, fit to show. */
export function textOf(error: unknown): string {
  const known = toPlatformError(error);
  const message = known.code === "internal" ? "internal error; the agent's log has the details" : messageOf(known);
  return known.hint === undefined ? message : `${message}. ${known.hint}`;
}

/**
 * Starts `change` and yields its reports. The last one is step "done": "ok" with what `change` returns, or
 * "failed" with the error's code and text. An error before the first report is thrown instead, so that bad input
 * is refused as such.
 */
export async function* stepStream(
  change: (steps: Steps) => Promise<string>,
  onInternal: (error: unknown) => void,
): AsyncGenerator<StepReport> {
  const queue: StepReport[] = [];
  let wake = () => {};
  let refused: PlatformError | null = null;
  let reported = false;
  let ended = false;
  const push = (report: StepReport) => {
    reported = true;
    queue.push(report);
    wake();
  };
  change(new Steps(push)).then(
    (detail) => push({ step: "done", state: "ok", detail, errorCode: "" }),
    (error) => {
      const known = toPlatformError(error);
      if (known.code === "internal") onInternal(error);
      if (reported) push({ step: "done", state: "failed", detail: textOf(error), errorCode: known.code });
      else refused = known;
    },
  ).finally(() => {
    ended = true;
    wake();
  });
  for (;;) {
    while (queue.length > 0) yield queue.shift()!;
    if (ended) break;
    await new Promise<void>((resolve) => wake = resolve);
  }
  if (refused !== null) throw refused;
}
