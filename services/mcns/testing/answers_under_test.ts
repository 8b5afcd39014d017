/** `Answers` without listeners: asks it, and shows the reply as dig would. */
import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { Answers, type AnswersOptions } from "../dns/answer.ts";
import { ClientNetworks } from "../dns/client_networks.ts";
import { Counters } from "../dns/counters.ts";
import type { Client, Reply } from "../dns/transport/responder.ts";
import { query, type QueryOptions, show } from "./dig_notation.ts";

/** Where a question comes from. Default: UDP from 192.0.2.1. */
export interface From {
  transport?: Client["transport"];
  address?: string;
}

export interface AnswersUnderTest {
  /** The reply as text; "no reply" for none. Fails when it has to wait. */
  (question: string, options?: QueryOptions, from?: From): string;
  /** The reply's octets; null for none. */
  reply(packet: Uint8Array, from?: From): Uint8Array | null;
  /** As text, also when it has to wait. */
  eventually(question: string, options?: QueryOptions, from?: From): Promise<string>;
  /** Whatever it returns. */
  raw(packet: Uint8Array, from?: From): Reply;
  answers: Answers;
  counters: Counters;
}

/** Nothing is forwarded unless `given` says so; an error in the log fails the test. */
export function answersUnderTest(given: Partial<AnswersOptions> & Pick<AnswersOptions, "views">): AnswersUnderTest {
  const counters = given.counters ?? new Counters();
  const answers = new Answers({
    forwarder: null,
    forwardFor: new ClientNetworks([]),
    counters,
    log: { ...silentLogger, error: (message, fields) => assert.fail(`${message} ${fields?.error}`) },
    ...given,
  });
  const out = new Uint8Array(65_535);
  const raw = (packet: Uint8Array, { transport = "udp", address = "192.0.2.1" }: From = {}) =>
    answers.answer(packet, { address, port: 5353, transport }, out);
  const reply = (packet: Uint8Array, from?: From) => {
    const length = raw(packet, from);
    assert.ok(typeof length === "number", "the reply has to wait");
    return length === 0 ? null : out.slice(0, length);
  };
  const text = (packet: Uint8Array | null) => (packet === null || packet.length === 0 ? "no reply" : show(packet));
  const ask = (question: string, options?: QueryOptions, from?: From) => text(reply(query(question, options), from));
  const eventually = async (question: string, options?: QueryOptions, from?: From) => {
    const done = raw(query(question, options), from);
    if (typeof done === "number") return text(out.slice(0, done));
    assert.ok(done instanceof Promise);
    return text(await done);
  };
  return Object.assign(ask, { reply, eventually, raw, answers, counters });
}
