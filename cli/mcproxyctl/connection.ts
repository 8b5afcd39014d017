/** Which MC-Proxy is meant, and a connection to it as somebody. */
import { resolve } from "node:path";
import {
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
import { invalid, messageOf, PlatformError, unavailable } from "@lib/errors/mod.ts";
import { type GrpcClient, grpcClient, type GrpcClientOptions } from "@lib/grpc/mod.ts";
import type { DescService } from "@bufbuild/protobuf";
import {
  CertificateService,
  FirewallService,
  ListenerService,
  RouteService,
  StatsService,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";

/** Flags of every command that talks to MC-Proxy. */
export interface ServerFlags extends PlatformFlags {
  readonly json: boolean;
  readonly socket?: string;
  readonly server?: string;
  readonly serverName?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
}

export const serverFlags = {
  ...dataFlag,
  ...jsonFlag,
  socket: textFlag("MC-Proxy's admin socket, instead of a platform's [the platform's]", "PATH"),
  server: textFlag("MC-Proxy's [admin] grpc_addr, instead of a socket", "HOST:PORT"),
  serverName: textFlag("The name in its certificate [the host of --server]", "NAME"),
  ca: textFlag("Root certificate that its certificate must lead to, PEM [the platform's]", "FILE"),
  tokenFile: textFlag("File with a token, instead of a session", "FILE"),
} as const;

// Reloading the certificates of 10,000 routes takes seconds.
const deadlineMs = 30_000;

/** MC-Proxy, service by service; each connects when it is first used. */
export class Mcproxy implements AsyncDisposable {
  readonly #options: GrpcClientOptions;
  readonly #open = new Map<string, AsyncDisposable>();

  constructor(options: GrpcClientOptions) {
    this.#options = { ...options, deadlineMs };
  }

  get routes(): GrpcClient<typeof RouteService> {
    return this.#client(RouteService);
  }

  get listeners(): GrpcClient<typeof ListenerService> {
    return this.#client(ListenerService);
  }

  get firewall(): GrpcClient<typeof FirewallService> {
    return this.#client(FirewallService);
  }

  get certificates(): GrpcClient<typeof CertificateService> {
    return this.#client(CertificateService);
  }

  get stats(): GrpcClient<typeof StatsService> {
    return this.#client(StatsService);
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
  const options = (token: string): GrpcClientOptions => ({
    address: server,
    tls: { ca: rootOf(context, flags), serverName: flags.serverName ?? serverNameOf(server) },
    token: () => token,
  });
  if (flags.tokenFile !== undefined) return await connected(options(readToken(flags.tokenFile)));
  if (flags.data === undefined && context.environment("MCP_DATA") === undefined) {
    throw invalid("--server", "needs --token-file, as there is no platform to log in to", {
      hint: "Or name the platform's data folder with --data, to be logged in there.",
    });
  }
  const platform = readPlatform(dataFolder(flags.data, context.environment));
  return await withSession(platform, "mcproxyctl", (token) => connected(options(token)));
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
  return ca === undefined ? readPlatform(dataFolder(data, context.environment)).ca : readText("--ca", ca);
}

function readToken(path: string): string {
  const token = readText("--token-file", path).trim();
  if (token === "") throw invalid("--token-file", `${path} is empty`);
  return token;
}

/** @param what the flag that named it */
function readText(what: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw invalid(what, `no file ${path}`);
    throw unavailable(`Cannot read ${path}: ${messageOf(error)}`);
  }
}
