/** Which MCNS is meant, and a connection to it as somebody. */
import {
  callRest,
  type CliContext,
  dataFlag,
  dataFolder,
  jsonFlag,
  type PlatformFlags,
  readPlatform,
  serverNameOf,
  textFlag,
  withSession,
} from "@lib/cli/mod.ts";
import { invalid, messageOf, unavailable } from "@lib/errors/mod.ts";
import { type GrpcClient, grpcClient, type GrpcClientOptions } from "@lib/grpc/mod.ts";
import { type DescService, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { DnssecService } from "@proto/mcns/v1/dnssec_pb.ts";
import {
  AdminService,
  AuthService,
  type ImportZoneResponse,
  ImportZoneResponseSchema,
  RecordService,
  ZoneService,
} from "@proto/mcns/v1/mcns_pb.ts";
import { TransferService, TsigService } from "@proto/mcns/v1/transfer_pb.ts";

/** Flags of every command that talks to MCNS. */
export interface ServerFlags extends PlatformFlags {
  readonly json: boolean;
  readonly server?: string;
  readonly serverName?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
}

/** Of the commands that send whole files. */
export interface FileFlags extends ServerFlags {
  readonly rest?: string;
}

export const serverFlags = {
  ...dataFlag,
  ...jsonFlag,
  server: textFlag("MCNS's gRPC address, instead of a platform's [the platform's]", "HOST:PORT"),
  serverName: textFlag("The name in its certificate [the host of --server]", "NAME"),
  ca: textFlag("Root certificate that its certificate must lead to, PEM [the platform's]", "FILE"),
  tokenFile: textFlag("File with a token, instead of a session", "FILE"),
} as const;

// A zone of a million names takes some seconds to sign or to write out.
const deadlineMs = 120_000;

/** Characters of a zone file that go over gRPC, whose messages have 1 MiB at most; longer ones go by REST. */
const grpcFileLimit = 500_000;

/** MCNS, service by service; each connects when it is first used. */
export class Mcns implements AsyncDisposable {
  readonly #server: Server;
  readonly #token: string;
  readonly #options: GrpcClientOptions;
  readonly #open = new Map<string, AsyncDisposable>();

  constructor(server: Server, token: string) {
    const { address, ca, serverName } = server;
    this.#server = server;
    this.#token = token;
    this.#options = { address, tls: { ca, serverName }, token: () => token, deadlineMs };
  }

  /** As `zones.importZone`, for a file of any length. */
  async importZone(
    request: { zone: string; text: string; dryRun: boolean; create: boolean },
  ): Promise<ImportZoneResponse> {
    const { zone, text, dryRun, create } = request;
    if (text.length <= grpcFileLimit) return await this.zones.importZone(request);
    const { rest, ca, serverName } = this.#server;
    if (rest === "") {
      throw invalid("--rest", `must be given for a file of ${text.length} characters, more than gRPC takes`, {
        hint: "Name MCNS's REST address: --rest HOST:PORT.",
      });
    }
    const answer = await callRest({ address: rest, serverName, ca, timeoutMs: deadlineMs }, {
      method: "PUT",
      path: `/v1/zones/${encodeURIComponent(zone)}/file`,
      body: { text, dry_run: dryRun, create },
      token: this.#token,
    });
    return fromJson(ImportZoneResponseSchema, answer as JsonObject);
  }

  get zones(): GrpcClient<typeof ZoneService> {
    return this.#client(ZoneService);
  }

  get records(): GrpcClient<typeof RecordService> {
    return this.#client(RecordService);
  }

  get dnssec(): GrpcClient<typeof DnssecService> {
    return this.#client(DnssecService);
  }

  get transfers(): GrpcClient<typeof TransferService> {
    return this.#client(TransferService);
  }

  get keys(): GrpcClient<typeof TsigService> {
    return this.#client(TsigService);
  }

  get admin(): GrpcClient<typeof AdminService> {
    return this.#client(AdminService);
  }

  get auth(): GrpcClient<typeof AuthService> {
    return this.#client(AuthService);
  }

  #client<S extends DescService>(service: S): GrpcClient<S> {
    const open = this.#open.get(service.typeName) ?? grpcClient(service, this.#options);
    this.#open.set(service.typeName, open);
    return open as GrpcClient<S>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map((client) => client[Symbol.asyncDispose]()));
  }
}

/**
 * Runs `work` with the MCNS that the flags mean: `--server`, else the platform's of `--data`; as the holder of the token in
 * `--token-file`, else by the session that the platform's command lines share.
 */
export async function withMcns<T>(
  context: CliContext,
  flags: FileFlags,
  work: (mcns: Mcns) => Promise<T>,
): Promise<T> {
  const connected = async (server: Server, token: string): Promise<T> => {
    await using mcns = new Mcns(server, token);
    return await work(mcns);
  };
  if (flags.tokenFile !== undefined) return await connected(serverOf(context, flags), readToken(flags.tokenFile));
  if (flags.server !== undefined && flags.data === undefined && context.environment("MCP_DATA") === undefined) {
    throw invalid("--server", "needs --token-file, as there is no platform to log in to", {
      hint: "Or name the platform's data folder with --data, to be logged in there.",
    });
  }
  const platform = readPlatform(dataFolder(flags.data, context.environment));
  return await withSession(platform, "mcnsctl", (token) => connected(serverOf(context, flags), token));
}

interface Server {
  readonly address: string;
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  /** Its REST address; "" where that isn't known. */
  readonly rest: string;
}

function serverOf(context: CliContext, flags: FileFlags): Server {
  const { server, serverName, ca, rest = "" } = flags;
  if (server !== undefined && ca !== undefined) {
    return { address: server, serverName: serverName ?? serverNameOf(server), ca: readText("--ca", ca), rest };
  }
  const platform = readPlatform(dataFolder(flags.data, context.environment));
  const address = server ?? platform.mcns;
  if (address === "") {
    throw invalid(`${platform.data}/platform.json`, 'has no "mcns_grpc"', {
      hint: "It is of an older version: deno task up writes it anew. Or name MCNS with --server HOST:PORT.",
    });
  }
  return {
    address,
    serverName: serverName ?? serverNameOf(address),
    ca: ca === undefined ? platform.ca : readText("--ca", ca),
    rest: rest || (server === undefined ? platform.mcnsRest : ""),
  };
}

function readToken(path: string): string {
  const token = readText("--token-file", path).trim();
  if (token === "") throw invalid("--token-file", `${path} is empty`);
  return token;
}

/** @param what the flag or argument that named it */
export function readText(what: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw invalid(what, `no file ${path}`);
    throw unavailable(`Cannot read ${path}: ${messageOf(error)}`);
  }
}
