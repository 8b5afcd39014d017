import { buildCommand, type Command } from "@stricli/core";
import { messageOf, unavailable } from "@lib/errors/mod.ts";
import type { CliContext } from "./context.ts";
import { dataFlag, type PlatformFlags } from "./parameters.ts";
import { dataFolder, readPlatform } from "./platform.ts";
import { logIn, logOut, operatorPassword } from "./session.ts";

interface LoginFlags extends PlatformFlags {
  readonly user?: string;
  readonly passwordFile?: string;
}

/** `NAME login`: begins the session that all command lines of the platform share. */
export function loginCommand(name: string): Command<CliContext> {
  return buildCommand({
    docs: {
      brief: "Log in to the platform",
      fullDescription:
        "Swaps a password for a session, kept in <data>/cli for its owner only. On a local platform no login is needed: its operator is logged in with the password file of the data folder.",
      customUsage: [
        { input: "", brief: "as the platform's admin, asking for the password where it isn't at hand" },
        { input: "--user anna --password-file ./anna.password", brief: "for scripts" },
      ],
    },
    parameters: {
      flags: {
        ...dataFlag,
        user: {
          kind: "parsed",
          parse: String,
          brief: "Account name [the platform's admin]",
          placeholder: "NAME",
          optional: true,
        },
        passwordFile: {
          kind: "parsed",
          parse: String,
          brief: "File with the password, instead of asking",
          placeholder: "FILE",
          optional: true,
        },
      },
      aliases: { u: "user" },
    },
    async func(this: CliContext, flags: LoginFlags) {
      const platform = readPlatform(dataFolder(flags.data, this.environment));
      const user = flags.user ?? platform.admin;
      const known = user === platform.admin ? operatorPassword(platform) : null;
      const password = flags.passwordFile === undefined
        ? known ?? await this.askPassword(`Password of ${user}: `)
        : readPassword(flags.passwordFile);
      const { username, expiresAt } = await logIn(platform, user, password, name);
      this.print(`Logged in as ${username} until ${new Date(expiresAt).toISOString()}\n`);
    },
  });
}

/** `NAME logout`. */
export const logoutCommand: Command<CliContext> = buildCommand({
  docs: { brief: "End the session", customUsage: [{ input: "", brief: "its token is revoked" }] },
  parameters: { flags: dataFlag },
  async func(this: CliContext, flags: PlatformFlags) {
    const was = await logOut(readPlatform(dataFolder(flags.data, this.environment)));
    this.print(was ? "Logged out\n" : "There was no session\n");
  },
});

function readPassword(path: string): string {
  try {
    return Deno.readTextFileSync(path).replace(/\r?\n$/, "");
  } catch (error) {
    throw unavailable(`Cannot read the password file ${path}: ${messageOf(error)}`);
  }
}
