import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { listenUnix } from "@lib/tls/mod.ts";
import { serveHttp } from "./serve.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a plain connection gets for one request. */
async function ask(conn: Deno.Conn): Promise<string> {
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  return await new Response(conn.readable).text();
}

const serve = (address: string, name: string) =>
  serveHttp({
    address,
    log: silentLogger,
    fetch: (request, { remote }) => new Response(`${name} ${request.url} ${remote}`),
  });

Deno.test("serveHttp serves in the clear on TCP", async () => {
  await using server = await serve("127.0.0.1:0", "plain");
  const port = Number(server.address.split(":")[1]);
  assert.match(
    await ask(await Deno.connect({ hostname: "127.0.0.1", port })),
    /\r\n\r\nplain http:\/\/a\/ 127\.0\.0\.1$/,
  );
});

Deno.test("serveHttp serves a unix socket that its group may use, and removes it", () =>
  inFolder(async (folder) => {
    const path = `${folder}/rest.sock`;
    const server = await serve(`unix:${path}`, "unix");
    assert.equal(server.address, `unix:${path}`);
    assert.equal((await Deno.lstat(path)).mode! & 0o777, 0o660);
    assert.match(await ask(await Deno.connect({ transport: "unix", path })), /\r\n\r\nunix http:\/\/a\/ unix$/);
    await server.close();
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  }));

Deno.test("serveHttp takes the place of a dead or running server and leaves its successor's socket alone", () =>
  inFolder(async (folder) => {
    const path = `${folder}/rest.sock`;
    const old = await serve(`unix:${path}`, "old");
    const successor = await serve(`unix:${path}`, "new");
    await old.close();
    assert.match(await ask(await Deno.connect({ transport: "unix", path })), /new/);
    await successor.close();
  }));

Deno.test("serveHttp refuses a path where something else is, and addresses that are none", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "kept");
    await assert.rejects(serve(`unix:${folder}/file`, ""), { code: "conflict" });
    assert.equal(await Deno.readTextFile(`${folder}/file`), "kept");
    await assert.rejects(serve(`unix:${folder}/none/x.sock`, ""), { code: "unavailable" });
    await assert.rejects(serve("nowhere", ""), { code: "invalid" });
    assert.throws(() => listenUnix(folder), { code: "conflict" });
  }));
