/** The program `metacrypt`. */
import { runProgram } from "@lib/service/mod.ts";
import { schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { databasePath, startServer } from "./server.ts";
import { verbs } from "./verbs.ts";

await runProgram({
  name: "metacrypt",
  schema,
  sandbox,
  start: (context) => startServer(context),
  database: databasePath,
  verbs,
}, Deno.args);
