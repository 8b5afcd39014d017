import { runProgram } from "@lib/service/mod.ts";
import { schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { databasePath, startServer } from "./server.ts";

await runProgram({ name: "mcr", schema, sandbox, start: startServer, database: databasePath }, Deno.args);
