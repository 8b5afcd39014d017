/**
 * One order, from its names to its certificate (RFC 8555 §7.4, §7.5):
 * new order → every authorization by a challenge → finalize with a request → download.
 * @module
 */
import { conflict, messageOf, PlatformError, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { createCsr, exportKeyPem, generateKey, parseSubjectNames, readOnePem } from "@lib/pki/mod.ts";
import { checkChain } from "./chain.ts";
import { type ChallengeSolver, type ChallengeType, makeChallenge, type OfferedChallenge } from "./challenge.ts";
import type { AcmeAnswer, AcmeConnection } from "./connection.ts";
import { type Signer, thumbprint } from "./jws.ts";
import { poll, type Polling } from "./poll.ts";
import { problemError, readProblem } from "./problem.ts";

export interface IssuedCertificate {
  /** Leaf first, checked. */
  readonly chainPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
  readonly notAfter: Date;
}

export interface OrderRequest {
  /** DNS names, `*.` as the first label too, and IP addresses. */
  names: readonly string[];
  solver: ChallengeSolver;
  /** The renewal id (RFC 9773 §4.1) of the certificate that it takes the place of: CAs let renewals past rate limits. */
  replaces?: string | undefined;
  signal?: AbortSignal | undefined;
}

interface Context {
  connection: AcmeConnection;
  signer: Signer;
  polling: Polling;
  log: Logger;
}

type Resource = Record<string, unknown>;

/** @throws PlatformError with the CA's reason */
export async function runOrder(context: Context, request: OrderRequest): Promise<IssuedCertificate> {
  const names = parseSubjectNames(request.names, { wildcard: true });
  const { connection, polling } = context;
  const { signal } = request;
  const { url, order } = await placeOrder(context, names, request);
  for (const authorization of listOf(order["authorizations"])) {
    await authorize(
      context,
      connection.url(authorization, "an authorization"),
      names.map((each) => each.value),
      request,
    );
  }
  const what = `The order for ${request.names.join(", ")}`;
  const look = async () => {
    const answer = await post(context, url, null, signal);
    return { order: connection.json(answer, "the order"), retryAfter: answer.retryAfter };
  };
  const ready = await poll(what, polling, async () => {
    const { order, retryAfter } = await look();
    failIfInvalid(what, order);
    return { value: order["status"] === "pending" ? null : order, retryAfter };
  }, signal);
  const key = await generateKey("P-256");
  const csr = await createCsr({ key, names: request.names, wildcard: true });
  const der = readOnePem(csr, "CERTIFICATE REQUEST").toBase64({ alphabet: "base64url", omitPadding: true });
  await post(context, connection.url(ready["finalize"], "finalize"), { csr: der }, signal).catch((error) => {
    // Asked again after a broken connection, the first try having arrived: how the order stands will tell.
    if (!(error instanceof PlatformError && error.rule === "orderNotReady")) throw error;
  });
  const done = await poll(what, polling, async () => {
    const { order, retryAfter } = await look();
    failIfInvalid(what, order);
    if (order["status"] === "ready" || order["status"] === "pending") throw conflict(`${what} was not taken up`);
    return { value: order["status"] === "valid" ? order : null, retryAfter };
  }, signal);
  const download = await connection.post(
    connection.url(done["certificate"], "the certificate"),
    null,
    context.signer,
    { accept: "application/pem-certificate-chain", signal },
  );
  const { leaf, chainPem } = await checkChain(new TextDecoder().decode(download.body), {
    publicKey: key.publicKey,
    names: names.map((each) => each.value),
    now: polling.clock.now(),
  });
  return { chainPem, keyPem: await exportKeyPem(key), notAfter: leaf.notAfter };
}

async function placeOrder(
  context: Context,
  names: readonly { kind: "dns" | "ip"; value: string }[],
  { replaces, signal }: OrderRequest,
): Promise<{ url: string; order: Resource }> {
  const { connection } = context;
  const { newOrder, renewalInfo } = await connection.directory(signal);
  const identifiers = names.map(({ kind, value }) => ({ type: kind, value }));
  const place = (more: Resource) => post(context, newOrder, { identifiers, ...more }, signal);
  const renews = replaces !== undefined && renewalInfo !== "";
  const answer = await place(renews ? { replaces } : {}).catch((error) => {
    // RFC 9773 §5: another order has replaced it, or the CA doesn't know it (any more). The certificate is wanted still.
    const refused = error instanceof PlatformError && ["conflict", "invalid", "not_found"].includes(error.code);
    if (!renews || !refused) throw error;
    return place({});
  });
  return {
    url: connection.url(answer.headers.get("location"), "the order"),
    order: connection.json(answer, "the order"),
  };
}

async function authorize(
  context: Context,
  url: string,
  names: readonly string[],
  { solver, signal }: OrderRequest,
): Promise<void> {
  const { connection, polling, signer, log } = context;
  const read = async () => {
    const answer = await post(context, url, null, signal);
    return { authorization: connection.json(answer, "an authorization"), retryAfter: answer.retryAfter };
  };
  const { authorization } = await read();
  const { value: name, wildcard } = subjectOf(authorization);
  if (!names.includes(wildcard ? `*.${name}` : name)) {
    throw conflict(`The ACME server asks for a proof of ${quote(name)}, which was not ordered`);
  }
  const what = `The proof of ${quote(name)}`;
  // An earlier order of this account may have proven it.
  if (authorization["status"] === "valid") return;
  if (authorization["status"] !== "pending") throw notAuthorized(what, authorization);
  const { type, offered } = choose(name, wildcard, solver.types, challengesOf(authorization));
  const challenge = await makeChallenge(type, name, offered.token, await thumbprint(signer.key));
  const address = connection.url(offered["url"], "a challenge");
  try {
    await solver.present(challenge);
    await post(context, address, {}, signal);
    await poll(what, polling, async () => {
      const { authorization, retryAfter } = await read();
      const status = authorization["status"];
      if (status !== "pending" && status !== "valid") throw notAuthorized(what, authorization);
      return { value: status === "valid" || null, retryAfter };
    }, signal);
  } finally {
    await solver.clear(challenge).catch((error) => {
      log.warn("An ACME challenge's answer could not be taken away", { name, type, error: messageOf(error) });
    });
  }
}

/** The solver's first type that the server offers; a wildcard is proven by DNS alone (RFC 8555 §8.3, RFC 8737 §3). */
function choose(
  name: string,
  wildcard: boolean,
  types: readonly ChallengeType[],
  offered: readonly (OfferedChallenge & Resource)[],
): { type: ChallengeType; offered: OfferedChallenge & Resource } {
  for (const type of types) {
    const found = offered.find((each) => each.type === type);
    if (found !== undefined && (!wildcard || type === "dns-01")) return { type, offered: found };
  }
  const theirs = offered.map((each) => quote(each.type)).join(", ") || "nothing";
  throw conflict(
    `${wildcard ? `"*.${name}"` : quote(name)} can't be proven: the ACME server takes ${theirs}, we do ${
      types.join(", ")
    }`,
  );
}

function notAuthorized(what: string, authorization: Resource): PlatformError {
  const failed = challengesOf(authorization).find((each) => each["error"] !== undefined);
  if (failed === undefined) return conflict(`${what} failed: the authorization is ${authorization["status"]}`);
  return problemError(`${what} by ${failed.type} failed`, 0, readProblem(failed["error"]), null);
}

function failIfInvalid(what: string, order: Resource): void {
  if (order["status"] !== "invalid") return;
  throw problemError(`${what} failed`, 0, readProblem(order["error"]), null);
}

async function post(
  { connection, signer }: Context,
  url: string,
  payload: unknown,
  signal: AbortSignal | undefined,
): Promise<AcmeAnswer> {
  return await connection.post(url, payload, signer, { signal });
}

function subjectOf(authorization: Resource): { value: string; wildcard: boolean } {
  const { value } = (authorization["identifier"] ?? {}) as Resource;
  return { value: typeof value === "string" ? value : "", wildcard: authorization["wildcard"] === true };
}

function challengesOf(authorization: Resource): (OfferedChallenge & Resource)[] {
  return listOf(authorization["challenges"]).filter((each) => typeof each === "object" && each !== null)
    .map((each) => {
      const found = each as Resource;
      return { ...found, type: String(found["type"]), token: found["token"] };
    });
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
