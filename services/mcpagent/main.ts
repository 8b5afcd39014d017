import { join } from "node:path";
import { holdUntilExit, runProgram, type ServiceContext } from "@lib/service/mod.ts";
import { type Config, schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { databasePath, startServer } from "./server.ts";

/** One agent runs a node; who stops it learns by the lock that its process has ended. */
async function start(context: ServiceContext<Config>) {
  await holdUntilExit(join(context.config.node.run_dir, "agent.lock"), "an agent");
  return await startServer(context);
}

await runProgram({ name: "mcpagent", schema, sandbox, start, database: databasePath }, Deno.args);
