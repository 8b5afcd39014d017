import { askPassword } from "@lib/terminal/mod.ts";
import { runMcp } from "./app.ts";
import { processContext } from "./context.ts";

Deno.exitCode = await runMcp(Deno.args, processContext(askPassword));
