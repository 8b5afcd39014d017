import assert from "node:assert/strict";
import { l7Route, testProxy } from "../testing/proxy.ts";
import { answering, RawConnection } from "../testing/raw.ts";

Deno.test("a listener of kind http sends names that are served to their TLS listener, and others nowhere", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[[listeners]]\nname = "plain"\naddr = "127.0.0.1:0"\nkind = "http"\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  const plain = proxy.running.listeners.all().find(({ listener }) => listener.name === "plain")!;
  const ask = async (text: string) => {
    using client = new RawConnection(
      await Deno.connect({ hostname: "127.0.0.1", port: Number(plain.address.split(":")[1]) }),
    );
    await client.send(text);
    return await client.rest();
  };
  const rows: [request: string, status: number, location: string | undefined][] = [
    ["GET /x?y=1 HTTP/1.1\r\nHost: a.test", 301, `https://a.test:${proxy.port}/x?y=1`],
    ["POST /x HTTP/1.1\r\nHost: A.test:80\r\nContent-Length: 0", 308, `https://a.test:${proxy.port}/x`],
    ["GET / HTTP/1.1\r\nHost: b.test", 421, undefined],
    ["GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a.test", 404, undefined],
  ];
  for (const [request, status, location] of rows) {
    const answer = await ask(`${request}\r\nConnection: close\r\n\r\n`);
    assert.equal(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), status, request);
    assert.equal(/^location: (.*)\r$/im.exec(answer)?.[1], location, request);
  }
  assert.equal(plain.door.counters.accepted, rows.length);
});
