/** An MCNS that answers what a test says, over real gRPC with TLS: a command line's tests start no service. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { join } from "node:path";
import { runCaptured } from "@lib/cli/testing/captured_run.ts";
import { scriptedOperations } from "@lib/cli/testing/scripted_operations.ts";
import { restApp } from "@lib/contract/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { type Ran, throwawayCa } from "@lib/testing/mod.ts";
import { DnssecService } from "@proto/mcns/v1/dnssec_pb.ts";
import { AdminService, AuthService, RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { TransferService, TsigService } from "@proto/mcns/v1/transfer_pb.ts";
import { app } from "../app.ts";

const services = [
  ...[ZoneService, RecordService, DnssecService, TransferService, TsigService, AdminService, AuthService],
];

type Methods =
  & typeof ZoneService["method"]
  & typeof RecordService["method"]
  & typeof DnssecService["method"]
  & typeof TransferService["method"]
  & typeof TsigService["method"]
  & typeof AdminService["method"]
  & typeof AuthService["method"];

/** What a method answers: a message, several of a stream, or an error. */
type Answers = { [M in keyof Methods]?: MessageInitShape<Methods[M]["output"]> | readonly unknown[] | Error };

export interface ScriptedMcns extends AsyncDisposable {
  /** What was asked, "GetZone {"zone":"example.org"}", in order. */
  readonly asked: string[];
  answers: Answers;
  readonly restAddress: string;
  /** Where the test's files are. */
  readonly folder: string;
  /** Writes a file. @returns its path */
  file(name: string, text: string): string;
  /** Runs `mcnsctl …` against it, with a good token unless the words name another. */
  mcnsctl(...words: string[]): Promise<Ran>;
  /** The same without saying which server. */
  bare(...words: string[]): Promise<Ran>;
  /** Both, for sessions. */
  readonly programs: Readonly<Record<"mcnsctl" | "bare", (...words: string[]) => Promise<Ran>>>;
}

export async function scriptedMcns(answers: Answers = {}): Promise<ScriptedMcns> {
  const folder = Deno.makeTempDirSync({ prefix: "mcnsctl-" });
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const ca = await throwawayCa();
  const { cert, key } = await ca.issue(["localhost", "127.0.0.1", "mcns.example"]);
  const certificates = CertificateFiles.load({
    cert: file("cert.pem", cert),
    key: file("key.pem", key),
    log: silentLogger,
    pollMs: 0,
  });
  const scripted = { asked: [] as string[], answers };
  const authenticate = (token: string) =>
    Promise.resolve(
      token === "good"
        ? { subject: "1", username: "ada", accountType: "human" as const, roles: ["admin"], tokenId: "t" }
        : null,
    );
  const operations = services.flatMap((service) => scriptedOperations(service, scripted));
  const listening = { address: "127.0.0.1:0", tls: certificates, log: silentLogger };
  const server = await serveGrpc({ ...listening, authenticate, operations });
  const rest = await serveHttp({
    ...listening,
    fetch: restApp(operations, { authenticate, log: silentLogger, service: "mcns", version: "1" }),
  });
  const where = ["--server", server.address, "--ca", file("ca.pem", ca.root)];
  const token = file("token", "good\n");
  const bare = (...words: string[]): Promise<Ran> => runCaptured(app, words);
  const mcnsctl = (...words: string[]) =>
    bare(...words, ...where, ...(words.includes("--token-file") ? [] : ["--token-file", token]));
  return Object.assign(scripted, {
    folder,
    file,
    bare,
    mcnsctl,
    restAddress: rest.address,
    programs: { mcnsctl, bare },
    async [Symbol.asyncDispose]() {
      await server.close(0);
      await rest.close(0);
      certificates.close();
      Deno.removeSync(folder, { recursive: true });
    },
  });
}
