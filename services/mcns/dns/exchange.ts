import type { ZoneDirectory } from "../domain/zone_directory.ts";
import type { ClientFacts } from "./client_table.ts";
import type { CookieState } from "./cookies.ts";
import type { ResponseClass } from "./rate_limit.ts";
import type { Query } from "./query.ts";
import type { ReplyHeader } from "./reply_writer.ts";
import type { Client } from "./transport/responder.ts";

/** A query and the reply to it in the making. Nothing in it outlives the call: the query is reused. */
export interface Exchange {
  readonly query: Query;
  readonly client: Client;
  readonly facts: ClientFacts;
  /** The zones that the client sees. */
  readonly zones: ZoneDirectory;
  readonly cookie: CookieState;
  readonly header: ReplyHeader;
  /** What the reply counts as for the rate limit, and the hash of what it is about. */
  kind: ResponseClass;
  subject: number;
}
