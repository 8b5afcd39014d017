/**
 * A request before a gate: the form that it may bring, and what becomes of it.
 * @module
 */
import type { Route } from "../domain/route.ts";
import { ownAnswer } from "./answers.ts";
import type { ClientSide } from "./client_side.ts";
import type { ExchangeContext } from "./exchange_context.ts";
import { HttpFault } from "./fault.ts";
import type { Decision } from "./gate.ts";
import { LimitedBody } from "./limited_body.ts";
import { noBody, noFields, noNames, type ResponseHead } from "./message.ts";
import { page } from "./pages.ts";

/** A name, a password and what the page adds take a tenth of it. */
const maxFormBytes = 8 * 1024;

/** Decides on a request for a route of such a name. Never rejects, unless the client's connection breaks. */
export async function decide(context: ExchangeContext, client: ClientSide, route: Route): Promise<Decision> {
  const { gate, hostname, peer } = context;
  const { request } = client;
  // A route that asks and nobody to ask: the router serves none. Nobody passes, should there be one.
  if (gate === null) return { answer: page(503, "nobody can sign in at the moment"), user: "" };
  const at = { hostname, remote: peer.source.address };
  if (gate.owns(request.target)) {
    try {
      return await gate.visit(request, at, () => readForm(context, client));
    } catch (error) {
      if (error instanceof HttpFault) return { answer: page(error.status, error.reason), user: "" };
      throw error;
    }
  }
  const answer = ownAnswer(route, request);
  return answer === null ? await gate.admit(request, at, route.signIn) : { answer, user: "" };
}

const goOn: ResponseHead = {
  status: 100,
  reason: "Continue",
  length: noBody,
  connectionNames: noNames,
  fields: noFields,
  neverIndexed: null,
};

/** @throws HttpFault 413 for a body that is too long, 408 for one that takes too long as a whole */
async function readForm({ deadlines, limits }: ExchangeContext, client: ClientSide): Promise<string> {
  const { length, expectsContinue } = client.request;
  if (length.kind === "none") return "";
  if (length.kind === "length" && length.bytes > maxFormBytes) throw new HttpFault(413, "the form is too long");
  const late = Promise.withResolvers<never>();
  const deadline = deadlines.open(() => late.reject(new HttpFault(408, "the request's body stopped coming")));
  deadline.set(limits.bodyMs);
  const decoder = new TextDecoder();
  let text = "";
  try {
    // A client that takes nothing has no more time for this than for its form.
    if (expectsContinue) await Promise.race([client.interim(goOn), late.promise]);
    const body = new LimitedBody(client.body(), maxFormBytes);
    for (;;) {
      const bytes = await Promise.race([body.read(), late.promise]);
      if (bytes === null) break;
      text += decoder.decode(bytes, { stream: true });
    }
    body.release();
    return text + decoder.decode();
  } finally {
    deadline.close();
  }
}
