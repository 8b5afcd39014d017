/**
 * `deploy`: a service from its source to running, by the path that every deploy takes: bundle → registry → agent.
 * @module
 */
import { join } from "node:path";
import { parse, stringify } from "@std/toml";
import { openSession, readPlatform } from "@lib/cli/mod.ts";
import { nearest } from "@lib/config/mod.ts";
import {
  type ErrorCode,
  errorTable,
  invalid,
  messageOf,
  notFound,
  PlatformError,
  quote,
  unavailable,
} from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { pushBundle, RegistryClient } from "@lib/oci/mod.ts";
import type { Progress } from "@lib/terminal/mod.ts";
import { AgentService } from "@proto/mcp/v1/agent_pb.ts";
import { type BuiltBundle, bundle, bundleProgram } from "../bundle/bundle.ts";
import { type PlatformService, platformServices } from "../programs.ts";
import { definitionOf } from "./definitions.ts";
import { exists } from "./files.ts";
import { type Layout, loopback, registryName } from "./layout.ts";

interface Release {
  built: BuiltBundle;
  /** The definition with the image that was built in place of the one that it names. */
  definition(image: string): string;
}

export interface Deployed {
  image: string;
  hostnames: string[];
}

/** Builds, pushes and deploys. Throws what failed, in the words of the part that it failed at. */
export async function deployService(layout: Layout, root: string, name: string, progress: Progress): Promise<Deployed> {
  const platform = readPlatform(layout.data);
  progress.start(`build ${name}`);
  const release = await build(layout, root, name);
  const { config, files } = release.built;
  progress.done(config.version);

  progress.start("push");
  const session = await openSession(platform);
  const address = `${loopback}:${layout.ports.mcr.rest}`;
  const client = new HttpsClient({ address, serverName: "localhost", ca: platform.ca });
  const image = `${registryName}/${name}:${config.version}`;
  try {
    const registry = new RegistryClient({ client, username: session.username, password: session.token });
    const { digest } = await pushBundle(registry, { repository: name, tag: config.version, config, files });
    progress.done(`${image} ${digest.slice(0, 19)}…`);
  } catch (error) {
    progress.fail(messageOf(error));
    if (!(error instanceof PlatformError) || error.code !== "unavailable") throw error;
    throw unavailable(`Cannot push ${name}: MCR at ${address} does not answer (${error.message})`, {
      hint: 'See "mcp status mcr" and "mcp logs mcr"; when it runs again, repeat the command',
      cause: error,
    });
  } finally {
    client.close();
  }

  await using agent = grpcClient(AgentService, {
    address: platform.agent,
    tls: { ca: platform.ca, serverName: "localhost" },
    token: () => session.token,
  });
  const request = { definition: release.definition(image), fileName: `${name}.toml` };
  let failure: PlatformError | null = null;
  // A health check may take its whole start time (30 s) before a deploy is given up and undone.
  for await (const { step, state, detail, errorCode } of agent.deploy(request, { deadlineMs: 180_000 })) {
    if (state === "started") progress.start(step);
    else if (state === "failed") progress.fail(detail);
    else if (step !== "done") progress.done(detail);
    if (errorCode !== "") {
      failure = new PlatformError(errorCode in errorTable ? errorCode as ErrorCode : "internal", detail);
    }
  }
  if (failure !== null) throw failure;
  const service = await agent.getService({ service: name });
  return { image, hostnames: service.hostnames };
}

async function build(layout: Layout, root: string, name: string): Promise<Release> {
  const builtAt = new Date();
  if ((platformServices as readonly string[]).includes(name)) {
    const service = name as PlatformService;
    return {
      built: await bundleProgram(root, service, builtAt),
      definition: (image) => definitionOf(layout, service, image),
    };
  }
  const folder = join("deploy", "examples", name);
  const file = join(root, folder, `${name}.toml`);
  if (!/^[a-z][a-z0-9-]*$/.test(name) || !exists(file)) throw unknownService(root, name);
  const source = parse(Deno.readTextFileSync(file)) as { components?: { image?: string }[] };
  if (source.components?.length !== 1) throw invalid(file, "must have one component to be built from its folder");
  return {
    built: await bundle({ root, name, entry: join(folder, "main.ts"), builtAt }),
    definition: (image) => stringify({ ...source, components: [{ ...source.components![0], image }] }),
  };
}

function unknownService(root: string, name: string): PlatformError {
  const examples = [...Deno.readDirSync(join(root, "deploy", "examples"))].filter((entry) => entry.isDirectory);
  const known = [...platformServices, ...examples.map((entry) => entry.name)];
  const near = nearest(name, known);
  return notFound("service", name, {
    hint: near === null ? `Known: ${known.join(", ")}.` : `Did you mean ${quote(near)}?`,
  });
}
