/** One thing that is wrong with a definition. */
export interface Problem {
  /** 1-based; the table's line when a key is missing. */
  readonly line: number;
  /** Dotted, with indexes: `components[0].routes[1].mode`; "" for the text as a whole. */
  readonly field: string;
  /** Rule and received value. */
  readonly message: string;
  /** What to do; absent when the message says it. */
  readonly hint?: string;
}

/** `hello.toml:7: components[0].image: …. Did you mean "x"?` */
export function problemText(file: string, { line, field, message, hint }: Problem): string {
  return `${file}:${line}: ${field === "" ? "" : `${field}: `}${message}${hint === undefined ? "" : `. ${hint}`}`;
}
