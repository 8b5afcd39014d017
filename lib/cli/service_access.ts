/**
 * What the command line of one service needs to reach it: flags that say which one is meant and as whom, and clients.
 * @module
 */
import { invalid } from "@lib/errors/mod.ts";
import { type GrpcClient, grpcClient, type GrpcClientOptions } from "@lib/grpc/mod.ts";
import type { DescService } from "@bufbuild/protobuf";
import type { CliContext } from "./context.ts";
import { readInput } from "./input_file.ts";
import { type PlatformFlags, textFlag } from "./parameters.ts";
import { dataFolder, readPlatform } from "./platform.ts";
import { withSession } from "./session.ts";

/** Flags of every command that talks to a service over TLS. */
export interface AccessFlags extends PlatformFlags {
  /** Its gRPC address. */
  readonly server?: string;
  readonly serverName?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
}

/** `AccessFlags` but `server`, which each program explains in its own words. */
export const accessFlags = {
  serverName: textFlag("The name in its certificate [the host of --server]", "NAME"),
  ca: textFlag("Root certificate that its certificate must lead to, PEM [the platform's]", "FILE"),
  tokenFile: textFlag("File with a token, instead of a session", "FILE"),
} as const;

/**
 * Runs `work` with the token in `--token-file`, else with that of the session that the platform's command lines share.
 * @param program who asks: its `login` is named where there is no way in
 * @throws PlatformError `invalid` where only `--server` says what is meant: there is no platform to log in to
 */
export async function withAccess<T>(
  context: CliContext,
  flags: AccessFlags,
  program: string,
  work: (token: string) => Promise<T>,
): Promise<T> {
  if (flags.tokenFile !== undefined) return await work(readToken(flags.tokenFile));
  if (flags.server !== undefined && flags.data === undefined && context.environment("MCP_DATA") === undefined) {
    throw invalid("--server", "needs --token-file, as there is no platform to log in to", {
      hint: "Or name the platform's data folder with --data, to be logged in there.",
    });
  }
  return await withSession(readPlatform(dataFolder(flags.data, context.environment)), program, work);
}

function readToken(path: string): string {
  const token = readInput("--token-file", path).trim();
  if (token === "") throw invalid("--token-file", `${path} is empty`);
  return token;
}

/** Clients of what one address offers, service by service; each connects when it is first used. */
export class ServiceClients implements AsyncDisposable {
  readonly #options: GrpcClientOptions;
  readonly #open = new Map<string, AsyncDisposable>();

  constructor(options: GrpcClientOptions) {
    this.#options = options;
  }

  of<S extends DescService>(service: S): GrpcClient<S> {
    const open = this.#open.get(service.typeName) ?? grpcClient(service, this.#options);
    this.#open.set(service.typeName, open);
    return open as GrpcClient<S>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map((client) => client[Symbol.asyncDispose]()));
  }
}
