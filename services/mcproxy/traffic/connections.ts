/**
 * The connections that are open, for an operator who asks.
 * @module
 */
import { type Listed, Roster } from "../stream/roster.ts";

/** Bytes that have passed, as both kinds of streams count them. */
interface Meter {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

const nothing: Meter = { bytesRead: 0, bytesWritten: 0 };

/** One open connection of a client. */
export class OpenConnection implements Listed {
  place = -1;
  /** The client's, as PROXY protocol said where that is trusted. */
  client = "";
  hostname = "";
  protocol: "handshake" | "acme" | "l4" | "tcp" | "http/1.1" | "h2" = "handshake";
  requests = 0;
  /** The client's side. */
  stream: Meter = nothing;

  constructor(readonly id: number, readonly listener: string, readonly openedAt: number) {}
}

/** All of the process. */
export class Connections {
  readonly #open = new Roster<OpenConnection>();
  #last = 0;

  /** @param now milliseconds since the epoch */
  open(listener: string, now: number): OpenConnection {
    const connection = new OpenConnection(++this.#last, listener, now);
    this.#open.add(connection);
    return connection;
  }

  close(connection: OpenConnection): void {
    this.#open.delete(connection);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Those with the most bytes first. @param listener "" for all */
  busiest(listener: string, limit: number): OpenConnection[] {
    const bytes = ({ stream }: OpenConnection) => stream.bytesRead + stream.bytesWritten;
    return this.#open.items.filter((one) => listener === "" || one.listener === listener)
      .sort((a, b) => bytes(b) - bytes(a) || a.id - b.id).slice(0, limit);
  }
}
