/**
 * An ACME client: RFC 8555 with http-01, dns-01, tls-alpn-01 (RFC 8737), addresses (RFC 8738) and renewal information
 * (RFC 9773). The caller brings the connection, the account key and a solver that shows the answers.
 * @module
 */
export type { Account } from "./account.ts";
export {
  type Challenge,
  type ChallengeSolver,
  type ChallengeType,
  type DnsChallenge,
  type HttpChallenge,
  type TlsAlpnChallenge,
} from "./challenge.ts";
export { challengeFlight } from "./challenge_handshake.ts";
export { acmeTlsProtocol, challengeCertificate, oidAcmeIdentifier } from "./challenge_certificate.ts";
export { AcmeClient, type AcmeClientOptions, type IssueOptions, revocationReasons } from "./client.ts";
export type { AcmeHttp } from "./connection.ts";
export type { ExternalAccount } from "./jws.ts";
export type { IssuedCertificate } from "./order.ts";
export type { PollLimits, Wait } from "./poll.ts";
export { type Renewal, renewalId } from "./renewal.ts";
