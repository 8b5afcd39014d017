/** Which MC-Proxy is meant, and a connection to it as somebody. */
import { resolve } from "node:path";
import {
  type AccessFlags,
  accessFlags,
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
import { invalid, messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import type { GrpcClient, GrpcClientOptions } from "@lib/grpc/mod.ts";
import {
  CertificateService,
  FirewallService,
  ListenerService,
  RouteService,
  StatsService,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";

/** Flags of every command that talks to MC-Proxy. */
export interface ServerFlags extends AccessFlags {
  readonly json: boolean;
  readonly socket?: string;
}

export const serverFlags = {
  ...dataFlag,
  ...jsonFlag,
  socket: textFlag("MC-Proxy's admin socket, instead of a platform's [the platform's]", "PATH"),
  server: textFlag("MC-Proxy's [admin] grpc_addr, instead of a socket", "HOST:PORT"),
  ...accessFlags,
} as const;

/** Flag of the commands that replace or delete what somebody else may have changed. */
export const expectedVersionFlag = {
  expectedVersion: textFlag('Only if that is there, as "show" tells it; "none" for nothing', "VERSION"),
} as const;

// Reloading the certificates of 10,000 routes takes seconds.
const deadlineMs = 30_000;

/** MC-Proxy, service by service; each connects when it is first used. */
export class Mcproxy extends ServiceClients {
  constructor(options: GrpcClientOptions) {
    super({ ...options, deadlineMs });
  }

  get routes(): GrpcClient<typeof RouteService> {
    return this.of(RouteService);
  }

  get listeners(): GrpcClient<typeof ListenerService> {
    return this.of(ListenerService);
  }

  get firewall(): GrpcClient<typeof FirewallService> {
    return this.of(FirewallService);
  }

  get certificates(): GrpcClient<typeof CertificateService> {
    return this.of(CertificateService);
  }

  get stats(): GrpcClient<typeof StatsService> {
    return this.of(StatsService);
  }
}

/**
 * Runs `work` with the MC-Proxy that the flags mean: `--socket`, or `--server` as the holder of the token in
 * `--token-file`, else by the session that the platform's command lines share; else the socket of the platform in `--data`.
 * On a socket nobody is asked who they are: who can open it is the operator.
 */
export async function withMcproxy<T>(
  context: CliContext,
  flags: ServerFlags,
  work: (proxy: Mcproxy) => Promise<T>,
): Promise<T> {
  const connected = async (options: GrpcClientOptions): Promise<T> => {
    await using proxy = new Mcproxy(options);
    return await work(proxy);
  };
  const { socket, server } = flags;
  if (server === undefined) {
    for (const flag of ["tokenFile", "serverName", "ca"] as const) {
      if (flags[flag] === undefined) continue;
      const name = `--${flag.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`;
      throw invalid(name, "is for a proxy that --server names; on a socket nobody is asked who they are");
    }
    return await connected({ address: `unix:${await openSocket(socketOf(context, flags))}` });
  }
  if (socket !== undefined) throw invalid("--socket", "can't be given together with --server");
  return await withAccess(context, flags, "mcproxyctl", (token) =>
    connected({
      address: server,
      tls: { ca: rootOf(context, flags), serverName: flags.serverName ?? serverNameOf(server) },
      token: () => token,
    }));
}

function socketOf(context: CliContext, { socket, data }: ServerFlags): string {
  return socket === undefined
    ? readPlatform(dataFolder(data, context.environment)).mcproxy.replace(/^unix:/, "")
    : resolve(socket.replace(/^unix:/, ""));
}

/** The path again, when somebody listens there: of what is wrong with a socket, grpc-js says only half. */
async function openSocket(path: string): Promise<string> {
  try {
    if (!Deno.statSync(path).isSocket) {
      throw invalid("--socket", `must be a unix socket, got the file ${path}`, {
        hint: "It is [server] grpc_addr in mcproxy.toml, run/admin.sock beside it where nothing else is said.",
      });
    }
    (await Deno.connect({ transport: "unix", path })).close();
    return path;
  } catch (error) {
    throw error instanceof PlatformError ? error : noSocket(path, error);
  }
}

function noSocket(path: string, error: unknown): PlatformError {
  const isGone = error instanceof Deno.errors.NotFound;
  if (isGone || error instanceof Deno.errors.ConnectionRefused) {
    return unavailable(`MC-Proxy is not running: ${isGone ? "no socket" : "nobody listens on"} ${path}`, {
      hint: "A local platform: deno task status, and deno task up to bring it back. Another one: --socket PATH.",
    });
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return unavailable(`Cannot open MC-Proxy's socket ${path}: permission denied`, {
      hint: "It is for MC-Proxy's own user and group: be one of them, or log in over TLS with --server.",
    });
  }
  return unavailable(`Cannot open MC-Proxy's socket ${path}: ${messageOf(error)}`);
}

function rootOf(context: CliContext, { ca, data }: ServerFlags): string {
  return ca === undefined ? readPlatform(dataFolder(data, context.environment)).ca : readInput("--ca", ca);
}
