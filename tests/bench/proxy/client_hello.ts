/**
 * @module
 */

const made = new Map<string, Promise<Uint8Array>>();

/** The ClientHello with which a TLS client of this runtime asks for a name. */
export function clientHello(hostname: string): Promise<Uint8Array> {
  let hello = made.get(hostname);
  if (hello === undefined) made.set(hostname, hello = overheard(hostname));
  return hello;
}

async function overheard(hostname: string): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [accepted, tcp] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  const tls = await Deno.startTls(tcp, { hostname });
  const shake = tls.handshake().catch(() => {});
  const buffer = new Uint8Array(8192);
  const count = await accepted.read(buffer);
  accepted.close();
  await shake;
  tls.close();
  return buffer.slice(0, count ?? 0);
}
