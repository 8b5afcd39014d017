/** How the test's ACME server checks challenges: over real sockets, as RFC 8555 §8 and RFC 8737 §3 say. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { parseCertificate } from "@lib/pki/mod.ts";
import { run } from "@lib/testing/mod.ts";
import { challengeServerName } from "../challenge.ts";
import { acmeTlsProtocol, oidAcmeIdentifier } from "../challenge_certificate.ts";

/** Where names lead in the test's world. */
export interface Reach {
  /** The TXT values at a name, for dns-01. */
  lookUp?(name: string): Promise<readonly string[]>;
  /** The port on 127.0.0.1 that stands for port 80, or 443, of every name. */
  httpPort?: number;
  tlsPort?: number;
}

/** What is wrong, or "" when the challenge is met. */
export async function validate(reach: Reach, type: string, name: string, keyAuthorization: string): Promise<string> {
  try {
    if (type === "dns-01") return await validateDns(reach, name, keyAuthorization);
    if (type === "http-01") return await validateHttp(reach, name, keyAuthorization);
    return await validateTls(reach, name, keyAuthorization);
  } catch (error) {
    return `cannot ask ${name}: ${error instanceof Error ? error.message : error}`;
  }
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

async function validateDns({ lookUp }: Reach, name: string, keyAuthorization: string): Promise<string> {
  const wanted = (await sha256(keyAuthorization)).toBase64({ alphabet: "base64url", omitPadding: true });
  const found = await lookUp?.(`_acme-challenge.${name}`) ?? [];
  return found.includes(wanted) ? "" : "no TXT record has the right value";
}

async function validateHttp({ httpPort = 0 }: Reach, name: string, keyAuthorization: string): Promise<string> {
  const [token] = keyAuthorization.split(".");
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: httpPort });
  const head = `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const text = await new Response(connection.readable).text();
  const [answer = "", body = ""] = text.split("\r\n\r\n");
  if (!answer.startsWith("HTTP/1.1 200 ")) return `it answered ${answer.split("\r\n")[0]}`;
  return body.trimEnd() === keyAuthorization ? "" : "the key authorization is wrong";
}

/** By OpenSSL: the runtime's own TLS takes no certificate with this extension, as a client either. */
async function validateTls({ tlsPort = 0 }: Reach, name: string, keyAuthorization: string): Promise<string> {
  const to = ["-connect", `127.0.0.1:${tlsPort}`, "-servername", challengeServerName(name), "-alpn", acmeTlsProtocol];
  const { stdout, stderr } = await run("openssl", ["s_client", ...to], { stdin: "" });
  if (!stdout.includes(`ALPN protocol: ${acmeTlsProtocol}\n`)) return `it doesn't speak ${acmeTlsProtocol}: ${stderr}`;
  const certificate = new x509.X509Certificate(parseCertificate(stdout).pem);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  if (names.length !== 1 || names[0]!.value !== name) return `its certificate is for ${names.map((one) => one.value)}`;
  const extension = certificate.getExtension(oidAcmeIdentifier);
  const wanted = Uint8Array.of(4, 32, ...await sha256(keyAuthorization)).toHex();
  if (extension?.critical !== true) return "no critical acmeIdentifier";
  return new Uint8Array(extension.value).toHex() === wanted ? "" : "the acmeIdentifier is wrong";
}
