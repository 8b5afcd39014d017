import assert from "node:assert/strict";
import { grpcClient } from "@lib/grpc/mod.ts";
import { AdminService } from "@proto/mcr/v1/mcr_pb.ts";
import { imageManifest, registryUnderTest, serverName, sha256 } from "../testing/test_registry.ts";
import { mciasToken } from "../testing/test_identity.ts";

Deno.test("fifty pushes at once of overlapping layers lose nothing", async () => {
  await using world = await registryUnderTest();
  const token = await world.token("ada", ...[...Array(10).keys()].map((i) => `repository:team/app${i}:pull,push`));
  const bearer = { authorization: `Bearer ${token}` };
  const layer = (i: number) => `layer ${i} `.repeat(5000);

  const push = async (i: number) => {
    const repository = `team/app${i % 10}`;
    const layers = [layer(i % 3), layer(i % 7), layer(i)];
    for (const content of ["{}", ...layers]) {
      const begun = await world.call(`POST /v2/${repository}/blobs/uploads/`, { as: null, headers: bearer });
      const half = Math.floor(content.length / 2);
      const location = begun.headers.get("location")!;
      await world.call(`PATCH ${location}`, { as: null, headers: bearer, body: content.slice(0, half) });
      const put = `PUT ${location}?digest=${sha256(content)}`;
      const done = await world.call(put, { as: null, headers: bearer, body: content.slice(half) });
      assert.equal(done.status, 201, done.text);
    }
    const pushed = await world.call(`PUT /v2/${repository}/manifests/v${i}`, {
      as: null,
      headers: bearer,
      body: imageManifest("{}", layers),
    });
    assert.equal(pushed.status, 201, pushed.text);
  };
  await Promise.all([...Array(50).keys()].map(push));

  await world.restart();
  for (let i = 0; i < 50; i++) {
    const repository = `team/app${i % 10}`;
    const manifest = await world.call(`GET /v2/${repository}/manifests/v${i}`, { as: null, headers: bearer });
    for (const { digest } of JSON.parse(manifest.text).layers) {
      const { bytes } = await world.call(`GET /v2/${repository}/blobs/${digest}`, { as: null, headers: bearer });
      assert.equal(sha256(bytes), digest);
    }
  }
  await using admin = grpcClient(AdminService, {
    address: world.registry.grpcAddress,
    tls: { ca: world.ca, serverName },
    token: () => mciasToken("ada"),
  });
  const { blobs, manifests, uploadsInProgress } = await admin.getStats({});
  assert.deepEqual([blobs, manifests, uploadsInProgress], [51n, 50n, 0n]);
});
