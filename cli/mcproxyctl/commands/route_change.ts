/** route maintenance, backends, sign-in: one thing of a route that is there. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, listFlag, switchFlag, textFlag } from "@lib/cli/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { SignInSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { withMcproxy } from "../connection.ts";
import { flagErrors } from "../flag_errors.ts";
import { changeRoute } from "../routes.ts";
import { hostArgument, type KeyFlags, keyFlags, keyOf, showRoute } from "./route.ts";

interface MaintenanceFlags extends KeyFlags {
  readonly on?: string;
  readonly off: boolean;
}

export const routeMaintenanceCommand = buildCommand({
  docs: {
    brief: "Answer a route's requests with a text, or serve them again",
    fullDescription:
      "With --on, all requests of the route are answered 503 with a text; with --off they go to its backends again. The rest of the route stays as it is.",
    customUsage: [
      { input: "example.org --on 'Back at 14:00 UTC'", brief: "all requests are answered so" },
      { input: "example.org --off", brief: "served again" },
    ],
  },
  parameters: {
    flags: {
      ...keyFlags,
      on: textFlag("Answer 503 with it", "TEXT"),
      off: switchFlag("Serve again"),
    },
    positional: hostArgument,
  },
  async func(this: CliContext, flags: MaintenanceFlags, host: string) {
    const { on, off } = flags;
    if ((on === undefined) === !off) throw invalid("--on", "must be given with a text, or --off");
    if (on === "") throw invalid("--on", "needs a text: it is what visitors see");
    const route = await withMcproxy(
      this,
      flags,
      (proxy) => changeRoute(proxy, keyOf(flags, host), (now) => ({ ...now, maintenance: on ?? "" })),
    );
    showRoute(this, flags, route);
  },
});

interface BackendsFlags extends KeyFlags {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

export const routeBackendsCommand = buildCommand({
  docs: {
    brief: "Change a route's backends",
    fullDescription:
      "Makes a route's backends those that are named, or adds and removes some. Requests under way are finished by the backend that has them; the rest of the route stays as it is.",
    customUsage: [
      { input: "example.org 127.0.0.1:8081", brief: "this one, whatever there was" },
      { input: "example.org --add 127.0.0.1:8081 --remove 127.0.0.1:8080", brief: "the new one for the old one" },
    ],
  },
  parameters: {
    flags: {
      ...keyFlags,
      add: listFlag("Beside those that there are", "HOST:PORT"),
      remove: listFlag("Not this one any more", "HOST:PORT"),
    },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: { brief: "The route's host, then each backend", parse: String, placeholder: "host backend" },
    },
  },
  async func(this: CliContext, flags: BackendsFlags, ...words: string[]) {
    const [host = "", ...backends] = words;
    const { add = [], remove = [] } = flags;
    const isEdit = add.length + remove.length > 0;
    if (isEdit === (backends.length > 0)) {
      throw invalid("backend", "name all of them, or give --add and --remove");
    }
    const changed = (now: readonly string[]): string[] => {
      if (!isEdit) return backends;
      const stranger = remove.find((one) => !now.includes(one));
      if (stranger !== undefined) {
        throw invalid("--remove", `${stranger} is none of the route's backends, which are ${now.join(" ") || "none"}`);
      }
      return [...new Set([...now.filter((one) => !remove.includes(one)), ...add])];
    };
    const route = await withMcproxy(
      this,
      flags,
      (proxy) =>
        flagErrors(
          { backends: "backend" },
          () => changeRoute(proxy, keyOf(flags, host), (now) => ({ ...now, backends: changed(now.backends) })),
        ),
    );
    showRoute(this, flags, route);
  },
});

interface SignInFlags extends KeyFlags {
  readonly allow?: readonly string[];
  readonly all: boolean;
  readonly off: boolean;
}

export const routeSignInCommand = buildCommand({
  docs: {
    brief: "Let only those pass who sign in, or everybody again",
    fullDescription:
      "With --allow or --all, requests of the route need an account of MCIAS: browsers are led to a sign-in page, programs send a token. With --off the route is for everybody. The rest of the route stays as it is.",
    customUsage: [
      { input: "wiki.example.org --allow user --allow account:backup", brief: "a role, and one account more" },
      { input: "wiki.example.org --all", brief: "every active account" },
      { input: "wiki.example.org --off", brief: "for everybody" },
    ],
  },
  parameters: {
    flags: {
      ...keyFlags,
      allow: listFlag("A role (admin, user, guest) or account:NAME; several by repeating", "WHO"),
      all: switchFlag("Every active account"),
      off: switchFlag("Everybody, without signing in"),
    },
    positional: hostArgument,
  },
  async func(this: CliContext, flags: SignInFlags, host: string) {
    const { allow, all, off } = flags;
    if ([allow !== undefined, all, off].filter((isGiven) => isGiven).length !== 1) {
      throw invalid("--allow", "must be given, or --all, or --off, and one of them alone");
    }
    const signIn = off ? undefined : create(SignInSchema, { allow: [...allow ?? []] });
    const route = await withMcproxy(
      this,
      flags,
      (proxy) =>
        flagErrors(
          { "sign_in.allow": "--allow" },
          () =>
            changeRoute(
              proxy,
              keyOf(flags, host),
              ({ signIn: _, ...now }) => ({ ...now, ...(signIn === undefined ? {} : { signIn }) }),
            ),
        ),
    );
    showRoute(this, flags, route);
  },
});
