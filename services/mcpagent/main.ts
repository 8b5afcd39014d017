import { runProgram } from "@lib/service/mod.ts";
import { schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { databasePath, startServer } from "./server.ts";

await runProgram({ name: "mcpagent", schema, sandbox, start: startServer, database: databasePath }, Deno.args);
