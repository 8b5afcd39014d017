/**
 * What an ACME server says when it refuses (RFC 7807, RFC 8555 §6.7), in the platform's terms.
 * @module
 */
import { type ErrorCode, PlatformError } from "@lib/errors/mod.ts";

/** A problem document, of which nothing is to be trusted. */
export interface AcmeProblem {
  /** Without `urn:ietf:params:acme:error:`; "" when there is none. */
  readonly type: string;
  readonly detail: string;
  /** What it is about, where it is one of several: "www.example.org". */
  readonly identifier: string;
  readonly subproblems: readonly AcmeProblem[];
}

const namespace = "urn:ietf:params:acme:error:";
const maxDetail = 500;
const maxSubproblems = 20;

/** RFC 8555 §6.7 and RFC 9773 §7.4; what is missing here goes by its status. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ["accountDoesNotExist", "not_found"],
  ["alreadyReplaced", "conflict"],
  ["alreadyRevoked", "conflict"],
  ["badCSR", "invalid"],
  ["badNonce", "unavailable"],
  ["badPublicKey", "invalid"],
  ["badRevocationReason", "invalid"],
  ["badSignatureAlgorithm", "invalid"],
  ["caa", "denied"],
  ["connection", "conflict"],
  ["dns", "conflict"],
  ["externalAccountRequired", "denied"],
  ["incorrectResponse", "conflict"],
  ["invalidContact", "invalid"],
  ["malformed", "invalid"],
  ["orderNotReady", "conflict"],
  ["rateLimited", "rate_limited"],
  ["rejectedIdentifier", "denied"],
  ["serverInternal", "unavailable"],
  ["tls", "conflict"],
  ["unauthorized", "denied"],
  ["unsupportedContact", "invalid"],
  ["unsupportedIdentifier", "invalid"],
  ["userActionRequired", "denied"],
]);

/** Reads a problem document; members of the wrong kind count as missing. */
export function readProblem(value: unknown): AcmeProblem {
  return readWithin(value, 1);
}

function readWithin(value: unknown, depth: number): AcmeProblem {
  const { type, detail, identifier, subproblems } =
    (typeof value === "object" && value !== null ? value : {}) as Record<
      string,
      unknown
    >;
  const about = (typeof identifier === "object" && identifier !== null ? identifier : {}) as { value?: unknown };
  return {
    type: typeof type === "string"
      ? printable(type.startsWith(namespace) ? type.slice(namespace.length) : type, 100)
      : "",
    detail: typeof detail === "string" ? printable(detail, maxDetail) : "",
    identifier: typeof about.value === "string" ? printable(about.value, 253) : "",
    subproblems: Array.isArray(subproblems) && depth > 0
      ? subproblems.slice(0, maxSubproblems).map((each) => readWithin(each, depth - 1))
      : [],
  };
}

/** `rateLimited: too many orders ("www.example.org" caa: forbidden by its CAA record)`. */
export function problemText({ type, detail, subproblems }: AcmeProblem): string {
  const text = [type, detail].filter((part) => part !== "").join(": ") || "no reason given";
  if (subproblems.length === 0) return text;
  const parts = subproblems.map((each) => {
    const about = each.identifier === "" ? "" : `${JSON.stringify(each.identifier)} `;
    return about + problemText(each);
  });
  return `${text} (${parts.join("; ")})`;
}

/**
 * The error for a refusal. Its `rule` is the problem's type: what callers ask for.
 * @param what the request, for the message
 * @param status of the response; 0 for a problem inside a resource
 */
export function problemError(
  what: string,
  status: number,
  problem: AcmeProblem,
  retryAfterSeconds: number | null,
): PlatformError {
  const code = codes.get(problem.type) ??
    (status === 429 ? "rate_limited" : status === 404 ? "not_found" : status >= 500 ? "unavailable" : "conflict");
  const wait = retryAfterSeconds === null ? "" : `; try again in ${retryAfterSeconds} s`;
  return new PlatformError(
    code,
    `${what}: ${problemText(problem)}${status === 0 ? "" : ` (status ${status})`}${wait}`,
    {
      ...(problem.type === "" ? {} : { rule: problem.type }),
      ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
      ...(problem.type === "userActionRequired"
        ? { hint: "The CA's terms have changed: look at what it says, and agree" }
        : {}),
    },
  );
}

/** One line of bounded length: the text comes from elsewhere and goes into logs. */
function printable(text: string, max: number): string {
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
