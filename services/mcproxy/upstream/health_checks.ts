/**
 * Whether backends are well, asked from time to time, so that a request needn't find out.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type HealthCheck, isExpected } from "../domain/health_check.ts";
import type { BackendCall } from "../relay/backend_call.ts";
import { noBody, noFields, noNames, type RequestHead } from "../relay/message.ts";
import type { Deadlines } from "../stream/deadlines.ts";

/** A backend is out after so many failures in a row, and in again after one success. */
const failuresUntilOut = 2;

/** One backend under one check. */
export interface Watched {
  readonly check: HealthCheck;
  /** What the check's request says as Host. */
  readonly host: string;
  /** Backend and protocol, for the log. */
  readonly target: string;
  /** Connects; `fresh` connections show that new ones are taken. */
  call(): Promise<BackendCall>;
}

interface Watch {
  readonly watched: Watched;
  failures: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends the check that is under way. */
  cancel(): void;
}

/** The identity of a check: two routes that ask the same of the same backend have one. */
export function watchKey({ check, host, target }: Pick<Watched, "check" | "host" | "target">): string {
  return [target, host, check.path, check.intervalMs, check.timeoutMs, check.expectedStatuses ?? ""].join(" ");
}

/** See the module. */
export class HealthChecks {
  readonly #watches = new Map<string, Watch>();

  constructor(readonly deadlines: Deadlines, readonly log: Logger) {}

  /** True for a backend that failed its last checks. What isn't watched is in. */
  isOut(key: string): boolean {
    return (this.#watches.get(key)?.failures ?? 0) >= failuresUntilOut;
  }

  /** Targets that are out, each once. */
  get out(): readonly string[] {
    const out = [...this.#watches.values()].filter(({ failures }) => failures >= failuresUntilOut);
    return [...new Set(out.map(({ watched }) => watched.target))];
  }

  /** Watches these from now on, and no others. */
  retain(all: readonly Watched[]): void {
    const keys = new Set<string>();
    for (const watched of all) {
      const key = watchKey(watched);
      keys.add(key);
      if (this.#watches.has(key)) continue;
      const watch: Watch = { watched, failures: 0, timer: undefined, cancel() {} };
      this.#watches.set(key, watch);
      // At once: a backend that is down when its route comes should be known by the first request.
      watch.timer = setTimeout(() => void this.#look(watch), 0);
    }
    for (const [key, watch] of this.#watches) {
      if (keys.has(key)) continue;
      this.#watches.delete(key);
      clearTimeout(watch.timer);
      watch.timer = undefined;
      watch.cancel();
    }
  }

  async #look(watch: Watch): Promise<void> {
    const { watched: { check, target } } = watch;
    let reason: string | null = null;
    try {
      await this.#ask(watch);
    } catch (error) {
      reason = messageOf(error);
    }
    // No longer watched: `retain` has cleared the timer.
    if (watch.timer === undefined) return;
    const wasOut = watch.failures >= failuresUntilOut;
    watch.failures = reason === null ? 0 : watch.failures + 1;
    const isOut = watch.failures >= failuresUntilOut;
    if (isOut && !wasOut) this.log.warn("Backend fails its health check", { target, path: check.path, reason });
    if (!isOut && wasOut) this.log.info("Backend passes its health check again", { target, path: check.path });
    watch.timer = setTimeout(() => void this.#look(watch), check.intervalMs);
  }

  /** @throws Error when it isn't well, or not within the check's time */
  async #ask(watch: Watch): Promise<void> {
    const { check, host, call: connect } = watch.watched;
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const deadline = this.deadlines.open(() => late.reject(new Error(`no answer within ${check.timeoutMs} ms`)));
    deadline.set(check.timeoutMs);
    const connecting = connect();
    let call: BackendCall | null = null;
    try {
      call = await Promise.race([connecting, late.promise]);
      watch.cancel = () => call?.cancel();
      if (check.path === "") return;
      const sent = call.send(requestOf(check, host), { remote: "127.0.0.1", clientCert: "", prefix: "" });
      const { status } = await Promise.race([this.#answer(call, sent), late.promise]);
      if (!isExpected(check, status)) throw new Error(`status ${status}`);
    } finally {
      deadline.close();
      watch.cancel = () => {};
      call?.cancel();
      call?.release(false);
      // A connection that came too late is of no use.
      if (call === null) connecting.then((one) => one.release(false), () => {});
    }
  }

  async #answer(call: BackendCall, sent: ReturnType<BackendCall["send"]>): Promise<{ status: number }> {
    await sent.end(new Uint8Array(), false, null);
    for (;;) {
      const head = await call.head();
      if (head.status >= 200) return head;
    }
  }

  close(): void {
    this.retain([]);
  }
}

function requestOf({ path }: HealthCheck, host: string): RequestHead {
  return {
    method: "GET",
    target: path,
    host,
    version: "1.1",
    length: noBody,
    expectsContinue: false,
    takesTrailers: false,
    webSocket: false,
    connectionNames: noNames,
    fields: { ...noFields, names: ["user-agent"], shown: ["User-Agent"], values: ["mcproxy-health"] },
    neverIndexed: null,
    visitor: null,
  };
}
