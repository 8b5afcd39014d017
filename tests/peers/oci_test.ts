/** MCR as skopeo, podman and buildah use it: login, push, pull, copy within, list, delete; and their refusals. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { writeTar } from "@lib/archive/mod.ts";
import { processEnvironment } from "@lib/config/mod.ts";
import { registryUnderTest, sha256 } from "../../services/mcr/testing/test_registry.ts";
import { mciasToken, password } from "../../services/mcr/testing/test_identity.ts";

const missing: string[] = [];
for (const tool of ["skopeo", "podman", "buildah"]) if (!await isInstalled(tool)) missing.push(tool);

// Without the tools there is nothing to try; CI has them and must not pass without.
Deno.test({
  name: `skopeo, podman and buildah push to and pull from MCR${
    missing.length === 0 ? "" : ` (missing: ${missing.join(", ")})`
  }`,
  ignore: missing.length > 0 && processEnvironment("CI") === undefined,
  async fn() {
    await using world = await registryUnderTest();
    const { folder, registry: { restAddress: host } } = world;
    await Deno.mkdir(`${folder}/certs`);
    await Deno.copyFile(`${folder}/ca.pem`, `${folder}/certs/ca.crt`);
    await writeImage(`${folder}/image`);
    // podman's own default runtime doesn't start on every kernel; nothing is run here, but it looks for one.
    await Deno.writeTextFile(
      `${folder}/containers.conf`,
      '[engine]\nruntime = "runc"\nevents_logger = "file"\ncgroup_manager = "cgroupfs"\n',
    );
    const environment = {
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      PATH: processEnvironment("PATH") ?? "",
      CONTAINERS_CONF: `${folder}/containers.conf`,
      REGISTRY_AUTH_FILE: `${folder}/auth.json`,
    };

    const system = `mcq:${mciasToken("mcq")}`;
    const human = (name: string, secret = password) => `${name}:${secret}`;
    const from = (creds: string) => ["--src-cert-dir", "certs", "--src-creds", creds];
    const to = (creds: string) => ["--dest-cert-dir", "certs", "--dest-creds", creds];
    const at = (creds: string) => ["--cert-dir", "certs", "--creds", creds];
    const skopeo = ["skopeo", "--insecure-policy"];
    const podman = ["podman", "--storage-driver=vfs", `--root=${folder}/podman`, `--runroot=${folder}/podman-run`];
    const buildah = ["buildah", "--storage-driver=vfs", `--root=${folder}/buildah`, `--runroot=${folder}/buildah-run`];
    const image = (name: string) => `docker://${host}/${name}`;

    const rows: [string, string[], RegExp | null][] = [
      ["an admin pushes", [...skopeo, "copy", ...to(human("ada")), "oci:image:v1", image("team/app:v1")], null],
      ["a user pulls", [...skopeo, "copy", ...from(human("ulla")), image("team/app:v1"), "oci:back:v1"], null],
      ["a system token pushes its own", [...skopeo, "copy", ...to(system), "oci:image:v1", image("mcq/app:v1")], null],
      ["and pulls it", [...skopeo, "copy", ...from(system), image("mcq/app:v1"), "oci:own:v1"], null],
      [
        "and not another's",
        [...skopeo, "copy", ...from(system), image("team/app:v1"), "oci:x:v1"],
        /no rule allows it/,
      ],
      [
        "a user can't push",
        [...skopeo, "copy", ...to(human("ulla")), "oci:image:v1", image("team/app:v2")],
        /may not push/,
      ],
      ["a guest can't pull", [...skopeo, "inspect", ...at(human("gus")), image("team/app:v1")], /may not pull/],
      ["a wrong password", [...skopeo, "inspect", ...at(human("ulla", "no")), image("team/app:v1")], /Wrong username/],
      [
        "no password",
        [...skopeo, "inspect", "--cert-dir", "certs", "--no-creds", image("team/app:v1")],
        /Authentication/,
      ],
      ["Docker's format", [
        ...skopeo,
        "copy",
        "--format=v2s2",
        ...to(human("ada")),
        "oci:image:v1",
        image("team/docker:v1"),
      ], null],
      [
        "from repository to repository",
        [...skopeo, "copy", ...from(human("ada")), ...to(human("ada")), image("team/app:v1"), image("team/copy:v1")],
        null,
      ],
      ["tags", [...skopeo, "list-tags", ...at(human("ulla")), image("team/copy")], null],
      ["delete", [...skopeo, "delete", ...at(human("ada")), image("team/copy:v1")], null],
      [
        "deleted",
        [...skopeo, "inspect", ...at(human("ada")), image("team/copy:v1")],
        /manifest unknown|MANIFEST_UNKNOWN/i,
      ],
      ["podman login", [...podman, "login", "--cert-dir=certs", "-u", "ada", "-p", password, host], null],
      ["podman pull", [...podman, "pull", "--cert-dir=certs", `${host}/team/app:v1`], null],
      ["podman push", [...podman, "push", "--cert-dir=certs", `${host}/team/app:v1`, image("team/podman:v1")], null],
      ["podman logout", [...podman, "logout", host], null],
      ["podman without login", [...podman, "pull", "--cert-dir=certs", `${host}/team/podman:v1`], /Authentication/],
      ["buildah pull", [...buildah, "pull", ...at(system), image("mcq/app:v1")], null],
      ["buildah push", [...buildah, "push", ...at(human("ada")), `${host}/mcq/app:v1`, image("team/buildah:v1")], null],
    ];
    for (const [name, [tool = "", ...args], refusal] of rows) {
      const { code, text } = await run(tool, args, folder, environment);
      assert.equal(code === 0, refusal === null, `${name}: ${text}`);
      if (refusal !== null) assert.match(text, refusal, name);
    }
    // What came back is what was sent, byte for byte.
    for (const copy of ["back", "own"]) {
      for (const { name } of Deno.readDirSync(`${folder}/image/blobs/sha256`)) {
        const bytes = await Deno.readFile(`${folder}/${copy}/blobs/sha256/${name}`);
        assert.equal(sha256(bytes), `sha256:${name}`);
      }
    }
    // podman's storage holds trees that only it may take apart.
    await run(podman[0]!, [...podman.slice(1), "system", "reset", "--force"], folder, environment);
  },
});

/** An OCI image layout with one image, tagged v1, of one layer with one file. */
async function writeImage(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
  const put = async (mediaType: string, content: Uint8Array | object) => {
    const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content));
    await Deno.writeFile(`${folder}/blobs/${sha256(bytes).replace(":", "/")}`, bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const hello = new TextEncoder().encode("hello world\n".repeat(1000));
  const tar = new Uint8Array(
    await new Response(ReadableStream.from(writeTar([{ path: "hello", size: hello.length, content: hello }])))
      .arrayBuffer(),
  );
  const layer = await put("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar));
  const config = await put("application/vnd.oci.image.config.v1+json", {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/hello"] },
    rootfs: { type: "layers", diff_ids: [sha256(tar)] },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await put(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  await Deno.writeTextFile(
    `${folder}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await Deno.writeTextFile(`${folder}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

async function isInstalled(tool: string): Promise<boolean> {
  try {
    await new Deno.Command(tool, { args: ["--version"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

async function run(
  tool: string,
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(tool, { args, cwd, env, clearEnv: true }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}
