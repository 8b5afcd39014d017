import { PlatformError } from "@lib/errors/mod.ts";
import { type GrpcClient, grpcClient } from "@lib/grpc/mod.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";
import type { CliContext } from "./context.ts";
import { dataFolder, type Platform, readPlatform, serverNameOf } from "./platform.ts";
import { forgetSession, openSession } from "./session.ts";

export type Agent = GrpcClient<typeof AgentService>;

/** Flags of every command that talks to a platform. */
export interface PlatformFlags {
  readonly data?: string;
}

/**
 * Runs `work` with the agent of the platform that the flags mean, logged in. A kept session that turns out to be
 * revoked is replaced, once, where the operator's password is at hand.
 */
export async function withAgent<T>(
  context: CliContext,
  flags: PlatformFlags,
  work: (agent: Agent, platform: Platform) => Promise<T>,
): Promise<T> {
  const platform = readPlatform(dataFolder(flags.data, context.environment));
  const session = await openSession(platform);
  try {
    return await connected(platform, session.token, work);
  } catch (error) {
    if (!session.cached || !(error instanceof PlatformError) || error.code !== "unauthenticated") throw error;
    forgetSession(platform);
    const { token } = await openSession(platform);
    return await connected(platform, token, work);
  }
}

async function connected<T>(
  platform: Platform,
  token: string,
  work: (agent: Agent, platform: Platform) => Promise<T>,
): Promise<T> {
  await using agent = grpcClient(AgentService, {
    address: platform.agent,
    tls: { ca: platform.ca, serverName: serverNameOf(platform.agent) },
    token: () => token,
  });
  return await work(agent, platform);
}
