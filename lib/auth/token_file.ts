/**
 * A service's own token, kept in a file that only it may read.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { invalid, messageOf, quote, unavailable } from "@lib/errors/mod.ts";
import { maxTokenBytes } from "./token_verifier.ts";

export interface TokenFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** How old the value may be before the file is read again; default 5,000. */
  readonly rereadMs?: number;
}

/** Gives the token in a file and notices when the file is replaced; keeps the last good value while it can't be read. */
export class TokenFile {
  readonly #options: TokenFileOptions;
  #token: string;
  #readAt: number;

  /** @throws PlatformError unavailable when the file can't be read, invalid when it holds no token */
  constructor(options: TokenFileOptions) {
    this.#options = options;
    this.#token = readToken(options.path);
    this.#readAt = options.clock.monotonic();
  }

  /** The token; bound, so that it fits `grpcClient({ token })`. */
  readonly token = (): string => {
    const now = this.#options.clock.monotonic();
    if (now - this.#readAt < (this.#options.rereadMs ?? 5_000)) return this.#token;
    this.#readAt = now;
    try {
      this.#token = readToken(this.#options.path);
    } catch {
      // A replacement by rename is never seen half done; what is unreadable now was good before.
    }
    return this.#token;
  };
}

function readToken(path: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(path).trim();
  } catch (cause) {
    throw unavailable(`Cannot read the token file ${quote(path)}: ${messageOf(cause)}`, {
      hint: "Write one with: mcias token issue --username <account> --write <file>",
      cause,
    });
  }
  if (text === "" || text.length > maxTokenBytes || /\s/.test(text)) {
    throw invalid("token_file", `${quote(path)} does not hold one token on one line`);
  }
  return text;
}
