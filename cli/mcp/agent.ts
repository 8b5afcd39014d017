import {
  type CliContext,
  dataFolder,
  type Platform,
  type PlatformFlags,
  readPlatform,
  serverNameOf,
  withSession,
} from "@lib/cli/mod.ts";
import { type GrpcClient, grpcClient } from "@lib/grpc/mod.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";

export type Agent = GrpcClient<typeof AgentService>;

/** Runs `work` with the agent of the platform that the flags mean, logged in. */
export async function withAgent<T>(
  context: CliContext,
  flags: PlatformFlags,
  work: (agent: Agent, platform: Platform) => Promise<T>,
): Promise<T> {
  const platform = readPlatform(dataFolder(flags.data, context.environment));
  return await withSession(platform, "mcp", async (token) => {
    await using agent = grpcClient(AgentService, {
      address: platform.agent,
      tls: { ca: platform.ca, serverName: serverNameOf(platform.agent) },
      token: () => token,
    });
    return await work(agent, platform);
  });
}
