/** Why a certificate is revoked (RFC 5280 §5.3.1). */
import { invalid, quote } from "@lib/errors/mod.ts";

/** `certificateHold` and `removeFromCRL` are left out: what is revoked stays revoked. */
const reasons = [
  "unspecified",
  "keyCompromise",
  "cACompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "privilegeWithdrawn",
  "aACompromise",
] as const;
export type RevocationReason = (typeof reasons)[number];

/** Empty means `unspecified`. @throws invalid("reason") listing the names */
export function parseRevocationReason(text: string): RevocationReason {
  const found = reasons.find((each) => each === (text || "unspecified"));
  if (found === undefined) throw invalid("reason", `must be one of ${reasons.join(", ")}: ${quote(text)}`);
  return found;
}
