/** Other people's gRPC clients call a platform server: grpc-js on Node, grpcio in Python. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Handlers, implement } from "@lib/contract/mod.ts";
import { conflict } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";
import { root, run } from "../platform.ts";
import { withTools } from "./tools.ts";

/** Python's own, which has Debian's packages; another may come first in PATH. */
const python = "/usr/bin/python3";
const name = "mcns.svc.test";

/** What both clients say. */
const interop = `unary 0 z
big 0 5000000
error 9 Cannot add "ä": 100 % taken
facts {"code":"conflict","rule":"cname"}
stranger 16
unknown 12
large 8
gzip 12
stream 1000
many 300
deadline 4
cancel 1
cancelled 2
health 0
`;

/** Echoes zones by name; "count" tells how many callers have given up. */
function operations() {
  let cancelled = 0;
  const unused = () => Promise.reject(new Error("unused"));
  const stream = async function* () {};
  const getZone: Handlers<typeof ZoneService>["getZone"] = ({ zone }, { signal }) => {
    if (zone === "big") return { name: "x".repeat(5_000_000) };
    if (zone === "count") return { name: String(cancelled) };
    if (zone === "fail") throw conflict('Cannot add "ä": 100 % taken', { rule: "cname" });
    if (zone !== "hang") return { name: zone };
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        cancelled++;
        reject(signal.reason);
      })
    );
  };
  const deploy: Handlers<typeof AgentService>["deploy"] = async function* ({ fileName }, { signal }) {
    try {
      for (let i = 0; i < Number(fileName); i++) yield { step: String(i), detail: "x".repeat(1000) };
    } finally {
      if (signal.aborted) cancelled++;
    }
  };
  return [
    ...implement(ZoneService, {
      getZone,
      ...{ createZone: unused, listZones: unused, updateZone: unused, deleteZone: unused, exportZone: unused },
      ...{ importZone: unused, listChanges: unused, undoChange: unused, exportZoneInPieces: stream },
    }),
    ...implement(AgentService, {
      deploy,
      ...{ undeploy: stream, stopService: stream, startService: stream, restartService: stream, streamLogs: stream },
      ...{ shutdown: stream, listServices: unused, getService: unused, getNode: unused, listEvents: unused },
    }),
  ];
}

Deno.test({
  ...withTools("grpc-js on Node and grpcio in Python call a platform server", "node"),
  async fn(t) {
    const folder = await Deno.makeTempDir({ prefix: "grpc-peers-" });
    const ca = await throwawayCa();
    const certificates = CertificateFiles.load({
      ...await writeIssued(folder, await ca.issue([name])),
      log: silentLogger,
    });
    const rootFile = join(folder, "root.pem");
    await Deno.writeTextFile(rootFile, ca.root);
    const admin = { subject: "1", username: "ada", accountType: "human", roles: ["admin"], tokenId: "a" } as const;
    const server = await serveGrpc({
      address: "127.0.0.1:0",
      tls: certificates,
      operations: operations(),
      authenticate: (token) => Promise.resolve(token === "admin" ? { ...admin, roles: ["admin"] } : null),
      log: silentLogger,
    });
    try {
      const args = [server.address, rootFile, name];
      const source = (file: string) => join(root, "tests", "peers", "grpc", file);
      const client = join(folder, "client.mjs");
      const bundle = ["bundle", "--quiet", "--platform", "deno", "--output", client, source("platform_client.ts")];
      assert.equal((await run(Deno.execPath(), bundle)).code, 0);
      const says = async (command: string, ...script: string[]) => {
        const { code, stdout, stderr } = await run(command, [...script, ...args]);
        assert.equal(stdout, interop, stderr);
        assert.equal(code, 0, stderr);
      };
      await t.step("grpc-js on Node", () => says("node", client));
      await t.step({
        name: "grpcio in Python",
        ignore: (await run(python, ["-c", "import grpc"])).code !== 0,
        fn: () => says(python, "-B", source("platform_client.py")),
      });
    } finally {
      await server.close(0);
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
