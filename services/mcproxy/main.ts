import { join } from "node:path";
import { runProgram } from "@lib/service/mod.ts";
import { schema } from "./config.ts";
import { sandbox } from "./sandbox.ts";
import { startServer } from "./server.ts";

await runProgram({
  name: "mcproxy",
  schema,
  sandbox,
  start: startServer,
  plainHealth: (config) => `${config.metrics.addr}/health`,
  database: (config) => join(config.server.data_dir, "mcproxy.db"),
}, Deno.args);
