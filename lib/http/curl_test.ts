import assert from "node:assert/strict";
import { withServer } from "./server_fixture.ts";

function installed(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "serveHttp serves curl: verified, over one connection, up and down, and not below TLS 1.3",
  ignore: !installed("curl"),
  fn: () =>
    withServer(async (request) => {
      if (request.method !== "PUT") return new Response(new Uint8Array(3_000_000));
      let bytes = 0;
      for await (const chunk of request.body!) bytes += chunk.length;
      return new Response(`${bytes} bytes`);
    }, async ({ port, caFile, folder }) => {
      const curl = async (...args: string[]) => {
        const url = `https://localhost:${port}/`;
        const command = new Deno.Command("curl", {
          args: ["-sS", "--max-time", "20", "--cacert", caFile, ...args, url],
        });
        const { code, stdout, stderr } = await command.output();
        return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
      };
      const shown = [
        "-o",
        `${folder}/got`,
        "-w",
        "%{http_code} %{http_version} %{size_download} %{ssl_verify_result} %{num_connects}\n",
      ];
      assert.equal(
        (await curl(...shown, `https://localhost:${port}/first`, ...shown)).out,
        "200 1.1 3000000 0 1\n200 1.1 3000000 0 0\n",
      );
      assert.equal((await curl("-T", `${folder}/got`)).out, "3000000 bytes");
      const old = await curl("--tls-max", "1.2");
      assert.equal(old.code, 35);
      assert.match(old.err, /protocol version/);
      assert.equal((await curl("--cacert", "/dev/null")).code, 77);
    }),
});
