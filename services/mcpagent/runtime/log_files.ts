import { join } from "node:path";
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { LogFile } from "./log_file.ts";

/** The log files of all components; a component's processes, old and new, write to one. */
export class LogFiles implements Disposable {
  readonly #files = new Map<string, LogFile>();

  constructor(readonly folder: string, readonly clock: Clock, readonly log: Logger) {}

  of(service: string, component: string): LogFile {
    const name = `${service}.${component}.log`;
    let file = this.#files.get(name);
    if (file === undefined) {
      file = new LogFile({ path: join(this.folder, name), clock: this.clock, log: this.log });
      this.#files.set(name, file);
    }
    return file;
  }

  /** Components of a service that have a log, deployed or not. */
  componentsOf(service: string): string[] {
    const names = [...Deno.readDirSync(this.folder)].map(({ name }) => name.split("."));
    // `<service>.<component>.log`; neither name has a dot.
    return names.filter((parts) => parts.length === 3 && parts[0] === service && parts[2] === "log").map((parts) =>
      parts[1]!
    );
  }

  /** Deletes a component's log. */
  remove(service: string, component: string): void {
    this.of(service, component).remove();
    this.#files.delete(`${service}.${component}.log`);
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
    this.#files.clear();
  }
}
