import { PlatformError } from "@lib/errors/mod.ts";

/**
 * Runs `work`; an error about a field of the API becomes one about the flag that was given for it.
 * @param flags by the field's name
 */
export async function flagErrors<T>(flags: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PlatformError) || error.field === undefined) throw error;
    const { code, field, hint, message } = error;
    const flag = flags[field];
    if (flag === undefined || !message.startsWith(`${field}: `)) throw error;
    throw new PlatformError(code, `${flag}: ${message.slice(field.length + 2)}`, {
      field: flag,
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}
