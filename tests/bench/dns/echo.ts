/** What the runtime itself costs: sends every datagram back, `echo.ts PORT`. As MCNS receives: eight loops, reused buffers. */
if (import.meta.main) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: Number(Deno.args[0]) });
  const loop = async () => {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const [packet, from] = await socket.receive(buffer);
      // The one thing that makes it a reply (QR).
      packet[2]! |= 0x80;
      await socket.send(packet, from);
    }
  };
  await Promise.all(Array.from({ length: 8 }, loop));
}
