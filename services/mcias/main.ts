/** The program `mcias`. */
import { runProgram } from "@lib/service/mod.ts";
import { schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { startServer } from "./server.ts";
import { databasePath } from "./store/identity_store.ts";
import { localVerbs } from "./verbs/local_verbs.ts";
import { initVerb } from "./verbs/init.ts";

await runProgram({
  name: "mcias",
  schema,
  sandbox,
  start: (context) => startServer(context),
  database: (config) => databasePath(config.server.data_dir),
  verbs: { init: initVerb, ...localVerbs },
}, Deno.args);
