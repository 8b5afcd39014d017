/** An MCNS that answers what a test says, over real gRPC with TLS: a command line's tests start no service. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { runCaptured } from "@lib/cli/testing/captured_run.ts";
import { scriptedServer } from "@lib/cli/testing/scripted_server.ts";
import { restApp } from "@lib/contract/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { Ran } from "@lib/testing/mod.ts";
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
  const server = await scriptedServer({
    ...{ program: "mcnsctl", serverName: "mcns.example", services },
    script: { asked: [] as string[], answers },
  });
  const { script, operations, folder, file, certificates, authenticate } = server;
  const log = silentLogger;
  const rest = await serveHttp({
    ...{ address: "127.0.0.1:0", tls: certificates, log },
    fetch: restApp(operations, { authenticate, log, service: "mcns", version: "1" }),
  });
  const bare = (...words: string[]): Promise<Ran> => runCaptured(app, words);
  const mcnsctl = (...words: string[]) => bare(...server.meant(words));
  return Object.assign(script, {
    ...{ folder, file, bare, mcnsctl, restAddress: rest.address, programs: { mcnsctl, bare } },
    async [Symbol.asyncDispose]() {
      await rest.close(0);
      await server[Symbol.asyncDispose]();
    },
  });
}
