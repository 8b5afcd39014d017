/**
 * The registry of a platform, with accounts of its MCIAS, as skopeo, podman and buildah use it. What each client's
 * commands get in detail is oci_test.ts's; here stand the passwords and tokens that people have.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { writeTar } from "@lib/archive/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { sha256 } from "../../services/mcr/testing/test_registry.ts";
import { type Ran, run, serviceZone, TestPlatform } from "../platform.ts";
import { withTools } from "./tools.ts";

const containersConf = fileURLToPath(new URL("containers.conf", import.meta.url));
const repository = "tiny";

Deno.test({
  ...withTools("A platform's registry takes and gives images", "skopeo", "podman", "runc"),
  async fn(t) {
    await using platform = await TestPlatform.start();
    const folder = join(platform.data, "..", "images");
    const certs = join(folder, "certs");
    Deno.mkdirSync(certs, { recursive: true });
    Deno.copyFileSync(platform.file.ca, join(certs, "ca.crt"));
    Deno.writeTextFileSync(join(folder, "policy.json"), '{ "default": [{ "type": "insecureAcceptAnything" }] }');
    await writeImage(join(folder, "image"));

    const host = platform.file.mcr;
    const { admin } = platform.file;
    const password = platform.adminPassword;
    const token = await systemToken(platform, repository);
    const client = (tool: string, ...args: string[]): Promise<Ran> =>
      run(tool, args, {
        // No settings, logins or certificates of whoever runs the test.
        env: { HOME: folder, XDG_RUNTIME_DIR: folder, CONTAINERS_CONF: containersConf },
      });
    const skopeo = (...args: string[]) => client("skopeo", "--policy", join(folder, "policy.json"), ...args);
    const image = (tag: string) => `docker://${host}/${repository}:${tag}`;
    const layout = (name: string) => `oci:${join(folder, name)}:v1`;
    const push = (tag: string, ...credentials: string[]) =>
      skopeo("copy", "--preserve-digests", "--dest-cert-dir", certs, ...credentials, layout("image"), image(tag));
    const pull = (tag: string, name: string, ...credentials: string[]) =>
      skopeo("copy", "--preserve-digests", "--src-cert-dir", certs, ...credentials, image(tag), layout(name));

    for (
      const [who, tag, credentials] of [
        ["the administrator's password", "by-password", `${admin}:${password}`],
        ["a system account's token", "by-token", `${repository}:${token}`],
      ] as const
    ) {
      await t.step(`skopeo pushes and pulls with ${who}, byte for byte`, async () => {
        succeeds(await push(tag, "--dest-creds", credentials));
        succeeds(await pull(tag, tag, "--src-creds", credentials));
        assert.deepEqual(blobs(join(folder, tag)), blobs(join(folder, "image")));
        const raw = await skopeo("inspect", "--raw", "--cert-dir", certs, "--creds", credentials, image(tag));
        assert.equal(sha256(new TextEncoder().encode(raw.stdout)), manifestDigest(join(folder, "image")));
      });
    }

    await t.step("skopeo is refused without credentials, with wrong ones, and with a CA of somebody else", async () => {
      for (
        const [what, credentials, words] of [
          ["nobody", ["--src-no-creds"], /unauthorized|authentication required/i],
          ["a wrong password", ["--src-creds", `${admin}:not-${password}`], /unauthorized|wrong username/i],
          ["a token with another's name", ["--src-creds", `mcp-agent:${token}`], /unauthorized|wrong username/i],
          [
            "a token that was changed",
            ["--src-creds", `${repository}:${tampered(token)}`],
            /unauthorized|wrong username/i,
          ],
        ] as const
      ) refuses(await pull("by-password", "refused", ...credentials), words, what);
      refuses(await push("refused", "--dest-no-creds"), /unauthorized|authentication required/i, "a push by nobody");
      const other = `docker://${host}/other:v1`;
      const elsewhere = ["--dest-cert-dir", certs, "--dest-creds", `${repository}:${token}`, layout("image"), other];
      refuses(await skopeo("copy", ...elsewhere), /403|denied/i, "a token in another's repository");
      const empty = join(folder, "no-certs");
      Deno.mkdirSync(empty);
      const blind = ["--cert-dir", empty, "--creds", `${admin}:${password}`, image("by-password")];
      refuses(await skopeo("inspect", ...blind), /x509/, "a client that doesn't know the CA");
      assert.throws(() => Deno.statSync(join(folder, "refused", "index.json")), Deno.errors.NotFound);
    });

    // podman takes no runroot of more than 50 characters.
    const storage = Deno.makeTempDirSync({ prefix: "mc" });
    await t.step(withStep("podman logs in, pulls, tags, pushes and logs out", "podman", "runc", async () => {
      const podman = (...args: string[]) =>
        client("podman", "--storage-driver=vfs", `--root=${storage}/root`, `--runroot=${storage}/run`, ...args);
      const at = ["--cert-dir", certs];
      const trusting = ["--signature-policy", join(folder, "policy.json")];
      const name = (tag: string) => `${host}/${repository}:${tag}`;
      try {
        refuses(
          await podman("pull", ...trusting, ...at, name("by-password")),
          /unauthorized|authentication/i,
          "no login",
        );
        refuses(
          await podman("login", ...at, "-u", admin, "-p", "wrong-password", host),
          /invalid username|unauthor/i,
          "",
        );
        succeeds(await podman("login", ...at, "-u", admin, "-p", password, host));
        succeeds(await podman("pull", ...trusting, ...at, name("by-password")));
        const runtime = await podman("info", "--format", "{{.Host.OCIRuntime.Name}}");
        assert.equal(runtime.stdout.trim(), "runc", runtime.stderr);
        succeeds(await podman("tag", name("by-password"), name("by-podman")));
        succeeds(await podman("push", ...trusting, ...at, name("by-podman")));
        succeeds(await podman("logout", host));
        succeeds(await pull("by-podman", "by-podman", "--src-creds", `${repository}:${token}`));
        assert.deepEqual(diffIds(join(folder, "by-podman")), diffIds(join(folder, "image")));
      } finally {
        // podman's storage holds trees that only it may take apart.
        await podman("system", "reset", "--force");
        Deno.removeSync(storage, { recursive: true });
      }
    }));

    await t.step(withStep("buildah builds on what it pulled and pushes it", "buildah", "runc", async () => {
      const buildah = (...args: string[]) =>
        client(
          "buildah",
          "--storage-driver=vfs",
          `--root=${folder}/buildah`,
          `--runroot=${folder}/buildah-run`,
          ...args,
        );
      const at = ["--cert-dir", certs, "--creds", `${repository}:${token}`];
      const trusting = ["--signature-policy", join(folder, "policy.json")];
      const name = (tag: string) => `${host}/${repository}:${tag}`;
      Deno.writeTextFileSync(join(folder, "more"), "more\n");
      const from = await buildah("from", ...trusting, ...at, name("by-token"));
      succeeds(from);
      const container = from.stdout.trim().split("\n").at(-1)!;
      try {
        succeeds(await buildah("copy", container, join(folder, "more"), "/more"));
        succeeds(await buildah("commit", ...trusting, container, name("by-buildah")));
        succeeds(await buildah("push", ...trusting, ...at, name("by-buildah")));
        succeeds(await pull("by-buildah", "by-buildah", "--src-creds", `${admin}:${password}`));
        const before = diffIds(join(folder, "image"));
        assert.deepEqual(diffIds(join(folder, "by-buildah")).slice(0, before.length), before);
        assert.equal(diffIds(join(folder, "by-buildah")).length, before.length + 1);
      } finally {
        await buildah("rm", "--all");
        await buildah("rmi", "--all", "--force");
      }
    }));

    await t.step("skopeo lists what was pushed", async () => {
      const listed = await skopeo(
        "list-tags",
        "--cert-dir",
        certs,
        "--creds",
        `${admin}:${password}`,
        image("x").slice(0, -2),
      );
      succeeds(listed);
      const { Tags: tags } = JSON.parse(listed.stdout) as { Tags: string[] };
      assert.ok(tags.includes("by-password") && tags.includes("by-token") && !tags.includes("refused"), tags.join());
    });
  },
});

/** A step that needs tools of its own. */
function withStep(name: string, ...rest: [...string[], () => Promise<void>]): Deno.TestStepDefinition {
  const fn = rest.at(-1) as () => Promise<void>;
  return { ...withTools(name, ...rest.slice(0, -1) as string[]), fn };
}

function succeeds({ code, stdout, stderr }: Ran): void {
  assert.equal(code, 0, stdout + stderr);
}

function refuses({ code, stdout, stderr }: Ran, words: RegExp, what: string): void {
  assert.notEqual(code, 0, `${what} got in: ${stdout}`);
  assert.match(stdout + stderr, words, `${what}: ${stdout}${stderr}`);
}

/** The same token with one bit of its signature changed. */
function tampered(token: string): string {
  const at = token.lastIndexOf(".") + 10;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}

/** A new system account of MCIAS and a token of it, both by its REST API as an administrator gets them. */
async function systemToken(platform: TestPlatform, username: string): Promise<string> {
  const { mcias, ca, admin } = platform.file;
  const client = new HttpsClient({
    address: new URL(mcias).host,
    serverName: `mcias.${serviceZone}`,
    ca: Deno.readTextFileSync(ca),
  });
  const post = async (path: string, body: object, token?: string) => {
    const answer = await client.request({
      method: "POST",
      path,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: new TextEncoder().encode(JSON.stringify(body)),
    });
    const text = await new Response(answer.body).text();
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as { token: string };
  };
  try {
    const session = await post("/v1/auth/login", { username: admin, password: platform.adminPassword });
    await post("/v1/accounts", { username, account_type: "system" }, session.token);
    return (await post(`/v1/accounts/${username}/tokens`, { description: "pushes" }, session.token)).token;
  } finally {
    client.close();
  }
}

/** An OCI image layout with an image from scratch, tagged v1: one layer with one file. */
async function writeImage(folder: string): Promise<void> {
  Deno.mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  const put = (mediaType: string, content: Uint8Array | object) => {
    const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content));
    Deno.writeFileSync(join(folder, "blobs", sha256(bytes).replace(":", "/")), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const content = new TextEncoder().encode("tiny\n");
  const archive = writeTar([{ path: "tiny", size: content.length, content }]);
  const tar = new Uint8Array(await new Response(ReadableStream.from(archive)).arrayBuffer());
  const layer = put("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar));
  const config = put("application/vnd.oci.image.config.v1+json", {
    // buildah and podman warn of another architecture than the machine's.
    architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["/tiny"] },
    rootfs: { type: "layers", diff_ids: [sha256(tar)] },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  Deno.writeTextFileSync(join(folder, "index.json"), JSON.stringify(index));
  Deno.writeTextFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
}

function manifestDigest(layout: string): string {
  return JSON.parse(Deno.readTextFileSync(join(layout, "index.json"))).manifests[0].digest;
}

/** Every blob's bytes by its name. */
function blobs(layout: string): Record<string, Uint8Array> {
  const folder = join(layout, "blobs", "sha256");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(folder, name))]));
}

/** Digests of the layers as they are unpacked, which stay when a client packs them anew. */
function diffIds(layout: string): string[] {
  const blob = (digest: string) => JSON.parse(Deno.readTextFileSync(join(layout, "blobs", digest.replace(":", "/"))));
  return blob(blob(manifestDigest(layout)).config.digest).rootfs.diff_ids;
}
