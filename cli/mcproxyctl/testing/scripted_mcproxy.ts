/** An MC-Proxy that answers what a test says, over real gRPC: on a unix socket, and over TLS. */
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { join } from "node:path";
import { type CliContext } from "@lib/cli/mod.ts";
import { runCaptured } from "@lib/cli/testing/captured_run.ts";
import { scriptedServer } from "@lib/cli/testing/scripted_server.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { Ran } from "@lib/testing/mod.ts";
import {
  CertificateService,
  FirewallService,
  ListenerService,
  RouteService,
  StatsService,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { app } from "../app.ts";

const services = [RouteService, ListenerService, FirewallService, CertificateService, StatsService];

type Methods =
  & typeof RouteService["method"]
  & typeof ListenerService["method"]
  & typeof FirewallService["method"]
  & typeof CertificateService["method"]
  & typeof StatsService["method"];

type Answer<M extends keyof Methods> = MessageInitShape<Methods[M]["output"]> | Error;

/** What a method answers: a message or an error, or what makes one of the request. */
export type Answers = {
  [M in keyof Methods]?: Answer<M> | ((request: MessageShape<Methods[M]["input"]>) => Answer<M>);
};

export interface ScriptedMcproxy extends AsyncDisposable {
  /** What was asked, "DeleteRule {"id":"bots"}", in order. */
  readonly asked: string[];
  answers: Answers;
  /** Path of the admin socket. */
  readonly socket: string;
  /** Where the test's files are. */
  readonly folder: string;
  /** Writes a file. @returns its path */
  file(name: string, text: string): string;
  /** `mcproxyctl … --socket`. */
  mcproxyctl(...words: string[]): Promise<Ran>;
  /** `mcproxyctl … --server`, with a good token unless the words name another. */
  remote(...words: string[]): Promise<Ran>;
  /** Without saying which proxy. */
  bare(...words: string[]): Promise<Ran>;
  /** As `mcproxyctl`, with another outside. */
  on(outside: Partial<Omit<CliContext, "process">>, ...words: string[]): Promise<Ran>;
  /** For sessions. */
  readonly programs: Readonly<Record<"mcproxyctl" | "remote" | "bare", (...words: string[]) => Promise<Ran>>>;
}

export async function scriptedMcproxy(answers: Answers = {}): Promise<ScriptedMcproxy> {
  const server = await scriptedServer({
    ...{ program: "mcproxyctl", serverName: "proxy.example", services },
    script: { asked: [] as string[], answers },
  });
  const { script, operations, folder, file } = server;
  const socket = join(folder, "admin.sock");
  const local = await serveGrpc({ address: `unix:${socket}`, authenticate: "local", log: silentLogger, operations });
  const bare = (...words: string[]) => runCaptured(app, words);
  const mcproxyctl = (...words: string[]) => bare(...words, "--socket", socket);
  const remote = (...words: string[]) => bare(...server.meant(words));
  return Object.assign(script, {
    ...{ folder, socket, file, bare, mcproxyctl, remote },
    on: (outside: Partial<CliContext>, ...words: string[]) => runCaptured(app, [...words, "--socket", socket], outside),
    programs: { mcproxyctl, remote, bare },
    async [Symbol.asyncDispose]() {
      await local.close(0);
      await server[Symbol.asyncDispose]();
    },
  });
}
