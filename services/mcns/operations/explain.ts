/** What a client would be answered, and why. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalid, quote, unavailable } from "@lib/errors/mod.ts";
import type { ExplainResponseSchema } from "@proto/mcns/v1/mcns_pb.ts";
import type { Answers } from "../dns/answer.ts";
import type { ClientNetworks } from "../dns/client_networks.ts";
import { classIn, dnssecOkFlag, flags, maxMessageOctets } from "../dns/codes.ts";
import { readMessage } from "../dns/message.ts";
import { rcodeText } from "../dns/query_log.ts";
import { explainLookup } from "../domain/explain_lookup.ts";
import { parseIpv4, parseIpv6 } from "../domain/ip_address.ts";
import { DomainName, rootKey, textOfKey } from "../domain/name.ts";
import { type Octets, toBytes, u16Octets, u32Octets } from "../domain/octets.ts";
import { typeCode, types, typeText } from "../domain/rdata/record_type.ts";
import type { Views } from "../domain/views.ts";
import type { ForwardControl } from "./forward_control.ts";
import { recordLine } from "./reply_text.ts";

export interface ExplainParts {
  readonly views: Views;
  /** Of its own, so that explaining isn't counted, limited or observed as a client's query. */
  readonly answers: Pick<Answers, "answer">;
  /** Null when nothing is forwarded. */
  readonly forwarder: Pick<ForwardControl, "cached" | "blocks"> | null;
  /** For whom. */
  readonly forwardFor: ClientNetworks;
}

export interface Hypothesis {
  /** Key of the name. */
  readonly key: string;
  readonly type: number;
  /** IP address. */
  readonly client: string;
  readonly dnssec: boolean;
}

/** @param ownAddress the caller's, for a request that names no client */
export function parseHypothesis(
  request: { name: string; type: string; client: string; dnssec: boolean },
  ownAddress: string,
): Hypothesis {
  const key = request.name === "." ? rootKey : DomainName.parse(request.name, "name").key;
  const type = typeCode(request.type || "A");
  const isQuestion = type > 0 && (type < 249 || type > 254) && type !== types.OPT && type !== types.ALIAS;
  if (!isQuestion) throw invalid("type", `${typeText(type)} can't be asked for in a plain query`);
  // Over a unix socket there is no address.
  const client = request.client || (ownAddress === "unix" ? "127.0.0.1" : ownAddress);
  if (parseIpv4(client) === null && parseIpv6(client) === null) {
    throw invalid("client", `must be an IP address, got ${quote(client)}`);
  }
  return { key, type, client, dnssec: request.dnssec };
}

/** Asks as that client would, with recursion desired: an upstream is asked when its answer isn't in the cache. */
export async function explain(
  parts: ExplainParts,
  hypothesis: Hypothesis,
): Promise<MessageInitShape<typeof ExplainResponseSchema>> {
  const { views, answers } = parts;
  const { key, type, client } = hypothesis;
  const view = views.nameFor(client);
  const steps = [view === "" ? `client ${client} is in no view` : `client ${client} is in view ${view}`];
  const own = explainLookup(views.directoryFor(client), key, type);
  steps.push(...own.steps);
  const elsewhere = own.leftAt === null ? null : explainElsewhere(parts, hypothesis, own.leftAt);
  if (elsewhere !== null) steps.push(elsewhere.step);

  const out = new Uint8Array(maxMessageOctets);
  const reply = answers.answer(queryOf(hypothesis), { address: client, port: 0, transport: "tcp" }, out);
  const packet = typeof reply === "number" ? out.subarray(0, reply) : reply instanceof Promise ? await reply : null;
  const message = packet === null ? null : readMessage(packet);
  if (message === null) throw unavailable("The query was not answered", { hint: "The service's log says why." });
  const rcode = rcodeText(message.rcode);
  steps.push(`reply: ${rcode}${message.authoritative ? ", authoritative" : ""}`);
  return {
    source: own.zone !== null ? "authority" : elsewhere?.source ?? "refused",
    zone: own.zone?.name.text ?? "",
    view,
    rcode,
    answer: message.answers.map(recordLine),
    authority: message.authorities.map(recordLine),
    additional: message.additionals.map(recordLine),
    steps,
  };
}

/** What becomes of a name that our zones don't have. */
function explainElsewhere(
  { forwarder, forwardFor }: ExplainParts,
  { type, client, dnssec }: Hypothesis,
  key: string,
): { source: string; step: string } {
  const name = textOfKey(key);
  if (forwarder === null) return { source: "refused", step: "nothing is forwarded: forward.upstreams is empty" };
  if (!forwardFor.has(client)) {
    return { source: "refused", step: `nothing is forwarded for ${client}: it isn't in forward.allow_clients` };
  }
  if (forwarder.blocks(key)) return { source: "blocked", step: `${name} is on a block list` };
  const cached = forwarder.cached({ key, type, dnssecOk: dnssec, checkingDisabled: false });
  if (cached === undefined) return { source: "forward", step: `${name} isn't in the cache: an upstream is asked` };
  const age = cached.stale ? "past its time, as no upstream replies" : `for ${cached.ageSeconds} s so far`;
  return { source: "cache", step: `the cache has ${name}, ${age}` };
}

/** A query with RD and EDNS, as a stub resolver sends it. */
function queryOf({ key, type, dnssec }: Hypothesis): Uint8Array {
  const counts: Octets = u16Octets(1) + u16Octets(0) + u16Octets(0) + u16Octets(1);
  const header = u16Octets(0) + u16Octets(flags.RD << 8) + counts;
  const opt = rootKey + u16Octets(types.OPT) + u16Octets(1232) + u32Octets(dnssec ? dnssecOkFlag : 0) + u16Octets(0);
  return toBytes(header + key + u16Octets(type) + u16Octets(classIn) + opt);
}
