/** Which MCNS is meant, and a connection to it as somebody. */
import {
  type AccessFlags,
  accessFlags,
  callRest,
  type CliContext,
  dataFlag,
  dataFolder,
  jsonFlag,
  readInput,
  readPlatform,
  serverNameOf,
  ServiceClients,
  textFlag,
  withAccess,
} from "@lib/cli/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import type { GrpcClient } from "@lib/grpc/mod.ts";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
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
export interface ServerFlags extends AccessFlags {
  readonly json: boolean;
}

/** Of the commands that send whole files. */
export interface FileFlags extends ServerFlags {
  readonly rest?: string;
}

export const serverFlags = {
  ...dataFlag,
  ...jsonFlag,
  server: textFlag("MCNS's gRPC address, instead of a platform's [the platform's]", "HOST:PORT"),
  ...accessFlags,
} as const;

// A zone of a million names takes some seconds to sign or to write out.
const deadlineMs = 120_000;

/** Characters of a zone file that go over gRPC, whose messages have 1 MiB at most; longer ones go by REST. */
const grpcFileLimit = 500_000;

/** MCNS, service by service; each connects when it is first used. */
export class Mcns extends ServiceClients {
  readonly #server: Server;
  readonly #token: string;

  constructor(server: Server, token: string) {
    const { address, ca, serverName } = server;
    super({ address, tls: { ca, serverName }, token: () => token, deadlineMs });
    this.#server = server;
    this.#token = token;
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
    return this.of(ZoneService);
  }

  get records(): GrpcClient<typeof RecordService> {
    return this.of(RecordService);
  }

  get dnssec(): GrpcClient<typeof DnssecService> {
    return this.of(DnssecService);
  }

  get transfers(): GrpcClient<typeof TransferService> {
    return this.of(TransferService);
  }

  get keys(): GrpcClient<typeof TsigService> {
    return this.of(TsigService);
  }

  get admin(): GrpcClient<typeof AdminService> {
    return this.of(AdminService);
  }

  get auth(): GrpcClient<typeof AuthService> {
    return this.of(AuthService);
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
  return await withAccess(context, flags, "mcnsctl", async (token) => {
    await using mcns = new Mcns(serverOf(context, flags), token);
    return await work(mcns);
  });
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
    return { address: server, serverName: serverName ?? serverNameOf(server), ca: readInput("--ca", ca), rest };
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
    ca: ca === undefined ? platform.ca : readInput("--ca", ca),
    rest: rest || (server === undefined ? platform.mcnsRest : ""),
  };
}
