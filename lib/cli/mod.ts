/**
 * The frame of the platform's command lines: the command tree with its exit codes and errors, the outside that a test
 * can stand in for, which platform is meant, the operator's session, and how answers are printed.
 * @module
 */
export { buildCli, type Cli, group, runCli } from "./run.ts";
export { type CliContext, processContext } from "./context.ts";
export { dataFolder, type Platform, readPlatform, serverNameOf } from "./platform.ts";
export { callRest, type RestCall, type RestServer } from "./rest_call.ts";
export { type AccessFlags, accessFlags, ServiceClients, withAccess } from "./service_access.ts";
export { readInput } from "./input_file.ts";
export { openSession, type Session, withSession } from "./session.ts";
export { loginCommand, logoutCommand } from "./login_commands.ts";
export { count, dataFlag, jsonFlag, listFlag, type PlatformFlags, switchFlag, textFlag } from "./parameters.ts";
export { fetchPages, type Pages } from "./pages.ts";
export { age, facts, jsonOf, plain, printJson, printJsonLine, time } from "./output.ts";
