/** The words of one record's data, as a value of the API or a zone file's line has them. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { escapeLength, readEscape } from "../name_text.ts";
import { type Octets, utf8Octets } from "../octets.ts";

/** One word or quoted string. Escapes are still in it: a name and a text read `\.` differently. */
export interface Token {
  readonly text: string;
  readonly quoted: boolean;
  /** Nothing stands between it and the token before, as in `alpn="h2"`. */
  readonly adjacent: boolean;
}

const quotationMark = 0x22, backslash = 0x5c;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

/**
 * Where the word or quoted string that starts at `at` ends: its last character's index plus one, the closing quotation
 * mark included. -1 when that mark is missing.
 * @param endsWord whether a character, outside of escapes, ends an unquoted word
 */
export function tokenEnd(text: string, at: number, endsWord: (code: number) => boolean): number {
  const quoted = text.charCodeAt(at) === quotationMark;
  for (let i = quoted ? at + 1 : at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === backslash) i++;
    else if (quoted ? code === quotationMark : endsWord(code)) return quoted ? i + 1 : i;
  }
  return quoted ? -1 : text.length;
}

/**
 * Splits a value at white space outside of quotation marks. `;`, `(` and `)` have no meaning here, other than in a zone
 * file. Throws what `fail` makes of the message.
 */
export function tokenize(text: string, fail: (message: string) => Error): Token[] {
  const tokens: Token[] = [];
  let lastEnd = -1;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) {
      at++;
      continue;
    }
    const end = tokenEnd(text, at, (code) => isSpace(code) || code === quotationMark);
    if (end < 0) throw fail(`the quotation mark before ${quote(text.slice(at + 1))} has no partner`);
    const quoted = code === quotationMark;
    tokens.push({ text: quoted ? text.slice(at + 1, end - 1) : text.slice(at, end), quoted, adjacent: at === lastEnd });
    at = lastEnd = end;
  }
  return tokens;
}

export interface ReadingOptions {
  /** Key of the name that relative names stand below. Without it all names are absolute. */
  readonly origin?: Octets | undefined;
  /** Checks the form only, not the rules for those who write records. */
  readonly formOnly?: boolean | undefined;
  /** As a zone file has it: words without quotation marks may follow each other where texts are expected. */
  readonly fromZoneFile?: boolean | undefined;
}

/** Hands out the tokens of one record, and says of which record what is wrong. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(
    tokens: readonly Token[],
    /** The record with its article, for messages: "an MX record". */
    readonly subject: string,
    /** As one is written, for messages. */
    readonly example: string,
    readonly options: ReadingOptions,
    /** Makes the error of a message. */
    readonly fail: (message: string) => Error,
  ) {
    this.#tokens = tokens;
  }

  /** Whether the rules of meaning count. */
  get isStrict(): boolean {
    return this.options.formOnly !== true;
  }

  get left(): number {
    return this.#tokens.length - this.#next;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  /** The first of the tokens that are left for which `test` holds. */
  find(test: (token: Token) => boolean): Token | undefined {
    return this.#tokens.find((token, i) => i >= this.#next && test(token));
  }

  /** The next token; `what` it should be goes into the message when there is none. */
  next(what: string): Token {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw this.fail(`${this.subject}'s ${what} is missing; ${this.#teach}`);
    return token;
  }

  /** The next token as a word that has no escapes: a number, a mnemonic, base64. */
  word(what: string): string {
    return this.next(what).text;
  }

  /** All tokens that are left, joined: hexadecimal and base64 may have spaces in them. At least one. */
  rest(what: string): string {
    let text = this.word(what);
    while (this.left > 0) text += this.word(what);
    return text;
  }

  /** Throws when there is more. */
  end(): void {
    const token = this.peek();
    if (token !== undefined) throw this.fail(`${quote(token.text)} is too much for ${this.subject}; ${this.#teach}`);
  }

  get #teach(): string {
    return `it is written like ${this.example}`;
  }

  /** `an MX record's <what> <rule>, got "<value>"`. */
  wrong(what: string, rule: string, value: string): Error {
    return this.fail(`${this.subject}'s ${what} ${rule}, got ${quote(value)}`);
  }

  /** A token's octets: escapes taken out, other characters in UTF-8. */
  octets(token: Token): Octets {
    const { text } = token;
    if (!text.includes("\\")) return utf8Octets(text);
    let octets = "", from = 0;
    for (let at = text.indexOf("\\"); at >= 0; at = text.indexOf("\\", from)) {
      // A backslash before a character beyond ASCII stands for nothing.
      const octet = text.charCodeAt(at + 1) > 0x7f ? -1 : readEscape(text, at);
      if (octet === null) {
        throw this.fail(`write an octet as a backslash and three digits up to 255, got ${quote(text.slice(at))}`);
      }
      octets += utf8Octets(text.slice(from, at)) + (octet < 0 ? "" : String.fromCharCode(octet));
      from = at + (octet < 0 ? 1 : escapeLength(text, at));
    }
    return octets + utf8Octets(text.slice(from));
  }
}

/** An Invalid on `field`. */
export const failOn = (field: string) => (message: string): Error => invalid(field, message);

/** Octets as the text between quotation marks: `"` and `\` after a backslash, `\DDD` for what is not printable. */
export function escapeText(octets: Octets): string {
  let text = "", from = 0;
  for (let i = 0; i < octets.length; i++) {
    const code = octets.charCodeAt(i);
    if (code >= 0x20 && code < 0x7f && code !== quotationMark && code !== backslash) continue;
    const isPrintable = code >= 0x20 && code < 0x7f;
    text += octets.slice(from, i) + "\\" + (isPrintable ? octets[i]! : String(code).padStart(3, "0"));
    from = i + 1;
  }
  return text + octets.slice(from);
}

/** `"…"`. */
export const quoteText = (octets: Octets): string => `"${escapeText(octets)}"`;
