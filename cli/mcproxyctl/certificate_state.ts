/** How certificates are, worst first. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { time } from "@lib/cli/mod.ts";
import type { Certificate } from "@proto/mcproxy/v1/mcproxy_pb.ts";

const dayMs = 86_400_000;
/** The platform's are renewed 30 days before their end: less than this means that it fails. */
const soonDays = 14;

/** Whole days until it ends, less than 0 afterwards; null where no end is known. */
export function daysLeft({ notAfter }: Certificate, now: number): number | null {
  return notAfter === undefined ? null : Math.floor((timestampMs(notAfter) - now) / dayMs);
}

export interface CertificateState {
  readonly text: string;
  /** Somebody has to do something. */
  readonly isWrong: boolean;
}

export function certificateState(one: Certificate, now: number): CertificateState {
  if (one.clientCaError !== "") return { text: one.clientCaError, isWrong: true };
  const days = daysLeft(one, now);
  const end = time(one.notAfter);
  if (one.error !== "") return { text: one.error, isWrong: true };
  if (days === null) return { text: one.acme ? "waits for ACME" : "not there", isWrong: true };
  if (days < 0) return { text: `EXPIRED ${end}`, isWrong: true };
  const renewal = one.acme && one.renewAt !== undefined ? `, ACME renews it ${time(one.renewAt)}` : "";
  // ACME's may have been made for days only: such a one is late when its renewal is.
  const isRenewed = one.renewAt !== undefined && timestampMs(one.renewAt) > now;
  const isSoon = days < soonDays && !isRenewed;
  const left = one.clientCaNotAfter === undefined ? null : timestampMs(one.clientCaNotAfter) - now;
  if (!isSoon && left !== null && left < soonDays * dayMs) {
    return { text: `client CA ${left < 0 ? "EXPIRED" : "EXPIRES"} ${time(one.clientCaNotAfter)}`, isWrong: true };
  }
  return { text: `${isSoon ? "EXPIRES" : "until"} ${end}${renewal}`, isWrong: isSoon };
}

/** Those with errors, then those that somebody has to renew, each by the end of their days. */
export function worstFirst(certificates: readonly Certificate[], now: number): Certificate[] {
  const rank = (one: Certificate): number => one.error !== "" ? 0 : certificateState(one, now).isWrong ? 1 : 2;
  const end = ({ notAfter }: Certificate): number => notAfter === undefined ? 0 : timestampMs(notAfter);
  return [...certificates].sort((one, other) => rank(one) - rank(other) || end(one) - end(other));
}
