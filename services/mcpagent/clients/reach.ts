import { PlatformError, toPlatformError, unavailable } from "@lib/errors/mod.ts";

/** Whom a call goes to, for its error messages. */
export interface Whom {
  /** "MCNS". */
  readonly part: string;
  readonly address: string;
  /** Its name as a service, for `mcp start`. */
  readonly service: string;
}

/** Waits before the second and third try, ms: a part that is being replaced is back within two seconds. */
const waitsMs = [300, 1_500];

/**
 * Calls another part of the platform, again while it is unavailable, and says in the end who did not answer.
 * Other refusals are handed on with the part's name in front.
 */
export async function reach<T>(whom: Whom, what: string, call: () => Promise<T>): Promise<T> {
  for (let attempt = 0;; attempt++) {
    try {
      return await call();
    } catch (thrown) {
      const error = toPlatformError(thrown);
      const waitMs = error.code === "unavailable" ? waitsMs[attempt] : undefined;
      if (waitMs !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        continue;
      }
      throw explained(whom, what, error, thrown);
    }
  }
}

function explained(whom: Whom, what: string, error: PlatformError, cause: unknown): PlatformError {
  const { part, address, service } = whom;
  if (error.code === "unavailable") {
    return unavailable(`Cannot ${what}: ${part} at ${address} does not answer (${error.message})`, {
      hint: `See "mcp status ${service}" and "mcp logs ${service}"; when it runs again, repeat the command`,
      cause,
    });
  }
  if (error.code === "sealed") {
    return new PlatformError("sealed", `Cannot ${what}: ${part} at ${address} is sealed`, {
      hint: "Unseal it, then repeat the command",
      cause,
    });
  }
  return new PlatformError(error.code, `Cannot ${what}: ${part} refuses: ${error.message}`, {
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.rule === undefined ? {} : { rule: error.rule }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause,
  });
}
