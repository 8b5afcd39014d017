/** The program `mcias`. */
import { runProgram } from "@lib/service/mod.ts";
import { schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { databasePath, startServer } from "./server.ts";
import { localVerbs } from "./verbs/local_verbs.ts";
import { initVerb } from "./verbs/init.ts";

await runProgram({
  name: "mcias",
  schema,
  sandbox,
  start: (context) => startServer(context),
  database: databasePath,
  verbs: { init: initVerb, ...localVerbs },
}, Deno.args);
