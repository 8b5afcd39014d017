/**
 * HTML forms as they are posted, read with limits.
 * @module
 */
import { invalid, tooLarge } from "@lib/errors/mod.ts";

export interface FormLimits {
  /** Whole body, in bytes; default 64 KiB. */
  maxBytes?: number;
  /** Fields; default 100. */
  maxFields?: number;
}

/** The fields of a form. */
export class Form {
  readonly #fields: URLSearchParams;
  constructor(fields: URLSearchParams) {
    this.#fields = fields;
  }

  /** The field's value without blanks around it. @throws PlatformError `invalid` when it is missing or empty */
  text(name: string): string {
    const value = this.optional(name)?.trim();
    if (value === undefined || value === "") throw invalid(name, "must be filled in");
    return value;
  }

  /** The field's value as it was sent; undefined when it is missing. */
  optional(name: string): string | undefined {
    return this.#fields.get(name) ?? undefined;
  }

  /** All values of a field that may come several times. */
  all(name: string): string[] {
    return this.#fields.getAll(name);
  }

  /** Whether a check box is ticked. */
  checked(name: string): boolean {
    return this.#fields.has(name);
  }
}

/**
 * Reads an `application/x-www-form-urlencoded` body.
 * @throws PlatformError `invalid` for another content type or too many fields, `too_large` for too long a body
 */
export async function readForm(
  request: Request,
  { maxBytes = 64 * 1024, maxFields = 100 }: FormLimits = {},
): Promise<Form> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw invalid("content-type", `a form must be application/x-www-form-urlencoded, got ${type ?? "none"}`);
  }
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  if (request.body !== null) {
    for await (const chunk of request.body) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge("The form", maxBytes);
      text += decoder.decode(chunk, { stream: true });
    }
  }
  text += decoder.decode();
  const fields = new URLSearchParams(text);
  if (fields.size > maxFields) throw invalid("form", `may have ${maxFields} fields, got ${fields.size}`);
  return new Form(fields);
}
