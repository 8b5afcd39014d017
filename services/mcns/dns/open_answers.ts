import type { Clock } from "@lib/clock/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Views } from "../domain/views.ts";
import { Answers } from "./answer.ts";
import { ClientNetworks } from "./client_networks.ts";
import { Cookies, parseCookieSecrets, randomCookieSecret } from "./cookies.ts";
import type { Counters } from "./counters.ts";
import type { Forwarder } from "./forward/forwarder.ts";
import { RateLimit } from "./rate_limit.ts";
import type { SpecialMessages } from "./special_messages.ts";

/** It goes into every reply to who asks for it. */
const maxNsidOctets = 64;

/** Of the config's `[dns]` what answers depend on. */
export interface AnswerSettings {
  readonly nsid: string;
  readonly cookie_secret_file: string;
  readonly rrl_per_second: number;
  readonly amplification_limit: number;
  readonly tcp_idle_ms: number;
}

export interface AnswerParts {
  readonly views: Views;
  readonly forwarder: Forwarder | null;
  readonly forwardFor: ClientNetworks;
  readonly special: SpecialMessages | null;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The answers that clients get, with the limits of the config. Throws for a file of cookie secrets that can't be read. */
export function openAnswers(settings: AnswerSettings, parts: AnswerParts): Answers {
  const { clock } = parts;
  const { cookie_secret_file: file, rrl_per_second: perSecond } = settings;
  if (settings.nsid.length > maxNsidOctets) {
    throw invalid("dns.nsid", `has at most ${maxNsidOctets} characters, got ${settings.nsid.length}`);
  }
  const secrets = file === "" ? [randomCookieSecret()] : parseCookieSecrets(Deno.readTextFileSync(file));
  return new Answers({
    ...parts,
    cookies: new Cookies(secrets, clock),
    nsid: settings.nsid,
    rateLimit: perSecond === 0 ? null : new RateLimit(perSecond, clock),
    amplificationLimit: settings.amplification_limit,
    idleMs: settings.tcp_idle_ms,
  });
}

/** The same answers without limits, counters and observers of their own: for explaining. */
export function explainingAnswers(parts: AnswerParts): Answers {
  return new Answers({ ...parts, cookies: null, rateLimit: null });
}
