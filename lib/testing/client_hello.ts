/** What a TLS client says first, for those who only look at that. */

/**
 * The ClientHello with which this runtime's TLS client asks for a name: one record, as it came over a connection.
 * @param alpn protocols that it offers; none for the extension left out
 */
export async function clientHello(hostname: string, alpn: string[] = []): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [accepted, tcp] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  const tls = await Deno.startTls(tcp, { hostname, ...(alpn.length === 0 ? {} : { alpnProtocols: alpn }) });
  const shake = tls.handshake().catch(() => {});
  const buffer = new Uint8Array(8192);
  const count = await accepted.read(buffer);
  accepted.close();
  await shake;
  tls.close();
  return buffer.slice(0, count ?? 0);
}
