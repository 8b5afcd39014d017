import { processContext, runCli } from "@lib/cli/mod.ts";
import { askPassword } from "@lib/terminal/mod.ts";
import { app } from "./app.ts";

Deno.exitCode = await runCli(app, Deno.args, processContext(askPassword));
