/**
 * A CA's connection for a tls-alpn-01 challenge (RFC 8737 §4): shown the certificate, and over.
 * @module
 */
import { challengeFlight } from "@lib/acme/mod.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { ChallengeCertificate } from "./challenge_table.ts";

/** A CA sends its Finished and an alert. */
const maxAnswerBytes = 16 * 1024;

/**
 * Answers, waits for the client to leave, and closes.
 * @param hello what was read of the connection: the whole ClientHello
 * @returns why it couldn't be answered; "" when it could
 */
export async function answerChallenge(
  conn: Deno.TcpConn,
  hello: Uint8Array,
  certificate: ChallengeCertificate,
  { deadlines, timeoutMs }: { deadlines: Deadlines; timeoutMs: number },
): Promise<string> {
  const client = new ConnStream(conn);
  const deadline = deadlines.open(() => client.destroy());
  deadline.set(timeoutMs);
  try {
    await client.write(await challengeFlight(hello, certificate));
    while (client.bytesRead < maxAnswerBytes && await client.read() !== null);
    return "";
  } catch (error) {
    // A client that resets has seen what it wanted; a hello that can't be answered has nothing to be seen.
    return error instanceof RangeError ? error.message : "";
  } finally {
    deadline.close();
    client.destroy();
  }
}
