/** A forwarder with scripted upstreams and a clock that the test sets. */
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { rcodes } from "../dns/codes.ts";
import { Forwarder, type ForwarderOptions } from "../dns/forward/forwarder.ts";
import { openUpstream } from "../dns/forward/open_forwarder.ts";
import type { Question, Resolution } from "../dns/forward/upstream_reply.ts";
import { DomainName } from "../domain/name.ts";
import { typeCode } from "../domain/rdata/record_type.ts";
import { recordText } from "./dig_notation.ts";
import type { Behaviour, ScriptedUpstream } from "./scripted_upstream.ts";

export interface UnderTest extends AsyncDisposable {
  forwarder: Forwarder;
  clock: FakeClock;
  /** What a client gets: from the cache or an upstream. See `shown`. */
  ask(text: string): Promise<string[]>;
}

/** Time-outs are real, short where a test waits for one; the cache's and the back-off's time is the fake clock's. */
export function underTest(
  upstreams: (ScriptedUpstream | string)[],
  options: Partial<ForwarderOptions> = {},
  clock = new FakeClock(),
): UnderTest {
  const forwarder = new Forwarder({
    upstreams: upstreams.map((one) =>
      openUpstream(typeof one === "string" ? one : one.address, { source_addrs: ["127.0.0.1:0"] }, clock)
    ),
    cacheBytes: 100_000,
    maxTtlSeconds: 300,
    timeoutMs: 2000,
    deadlineMs: 10_000,
    clock,
    log: silentLogger,
    ...options,
  });
  return {
    forwarder,
    clock,
    async ask(text) {
      const cached = forwarder.cached(question(text));
      return cached === undefined
        ? shown(await forwarder.resolve(question(text)))
        : ["cached", ...shown(cached.resolution)];
    },
    [Symbol.asyncDispose]: () => forwarder.close(),
  };
}

/** The rcode where it isn't NOERROR, what is special, and the answer records; "none" for no answer. */
export function shown(resolution: Resolution | null): string[] {
  if (resolution === null) return ["none"];
  const { rcode, stale, blocked, ede, answers } = resolution;
  const flags = [
    rcode === rcodes.NXDOMAIN && "NXDOMAIN",
    stale && "stale",
    blocked && "blocked",
    ede && `ede ${ede.code}`,
  ];
  return [...flags.filter((flag) => typeof flag === "string"), ...answers.map(recordText)];
}

export function question(text: string): Question {
  const [name = "", type = "A"] = text.split(" ");
  return { key: DomainName.parse(name, "name").key, type: typeCode(type), dnssecOk: false, checkingDisabled: false };
}

/** A probe, for the root, finds nothing, which is a reply too. */
export const answering: Behaviour = (name) => name === "." ? {} : { answers: [`${name} 60 A 192.0.2.1`] };
export const answer = (name: string) => [`${name} 60 A 192.0.2.1`];
export const silent: Behaviour = () => null;
export const failing: Behaviour = () => ({ rcode: "SERVFAIL" });
