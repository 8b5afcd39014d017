import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { removeRows } from "./record_store.ts";
import type { RecordRows } from "./record_rows.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { By } from "./zone_store.ts";

/** How often records whose time is over are looked for: they are answered at most that much longer. */
const sweepMs = 1000;

const byExpiry: By = { actor: "expiry", remote: "" };

/** Takes away records whose `expires_at` has passed, as changes of their zones with history. */
export class RecordExpiry implements Disposable {
  readonly #rows: RecordRows;
  readonly #editor: ZoneEditor;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(rows: RecordRows, editor: ZoneEditor, clock: Clock, log: Logger) {
    this.#rows = rows;
    this.#editor = editor;
    this.#clock = clock;
    this.#log = log;
    this.#timer = setInterval(() => this.sweep(), sweepMs);
  }

  /**
   * One look; at most 1,000 records of each zone, the others at the next. Never throws: a full disk is for the next look to
   * find gone. A zone that can't be changed, because its keys can't be opened, holds no other one up.
   */
  sweep(): void {
    const now = this.#clock.now();
    for (const zone of this.#dueZones(now)) {
      try {
        this.#editor.together(() => removeRows(this.#editor, this.#rows.expired(now, zone), byExpiry, "record.expire"));
        this.#log.info("records have expired", { zone });
      } catch (error) {
        this.#log.error("cannot take expired records away", { zone, error: messageOf(error) });
      }
    }
  }

  #dueZones(now: number): string[] {
    try {
      const next = this.#rows.nextExpiry();
      return next === null || next > now ? [] : this.#rows.expiredZones(now);
    } catch (error) {
      this.#log.error("cannot look for expired records", { error: messageOf(error) });
      return [];
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
