import { parse, TomlError } from "@std/toml";
import { TomlLines } from "@lib/config/mod.ts";
import { messageOf, PlatformError, quote } from "@lib/errors/mod.ts";
import { readComponents } from "./component.ts";
import { defaultStage, type ServiceDefinition, stages } from "./definition.ts";
import { isServiceName } from "./names.ts";
import { type Problem, problemText } from "./problem.ts";
import { TableReader } from "./table_reader.ts";

export interface ParseOptions {
  /** `image = "bundle:<sha256>"` is accepted; default false. Only for the node's own platform definitions. */
  allowBundles?: boolean;
}

/** 256 KiB: a definition has some dozens of lines; more is a mistake or an attack. */
const maxBytes = 256 * 1024;
/** So many problems are shown in one error; the rest is counted. */
const shownProblems = 10;

/**
 * Reads a definition.
 * @param file the name used in messages, e.g. "hello.toml"
 * @throws PlatformError invalid, one line per problem as `file:line: key: rule, value. What to do`
 */
export function parseDefinition(toml: string, file: string, options: ParseOptions = {}): ServiceDefinition {
  const { definition, problems } = checkDefinition(toml, options);
  if (definition !== null && problems.length === 0) return definition;
  const lines = problems.slice(0, shownProblems).map((problem) => problemText(file, problem));
  if (problems.length > shownProblems) lines.push(`… and ${problems.length - shownProblems} more`);
  throw new PlatformError("invalid", lines.join("\n"), { field: problems[0]?.field || "definition" });
}

/** Reads a definition and returns every problem, in the order of the lines; a null definition only when it is no TOML. */
export function checkDefinition(
  toml: string,
  options: ParseOptions = {},
): { definition: ServiceDefinition | null; problems: Problem[] } {
  const problems: Problem[] = [];
  if (new TextEncoder().encode(toml).length > maxBytes) {
    return { definition: null, problems: [{ line: 1, field: "", message: `is larger than ${maxBytes} bytes` }] };
  }
  let table: Record<string, unknown>;
  try {
    table = parse(toml) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const message = messageOf(error).split("\n")[0]!.replace("Invalid TOML document: ", "is not TOML: ");
    return { definition: null, problems: [{ line: error.line, field: "", message }] };
  }
  const reader = new TableReader(new TomlLines(toml), problems, table);
  const definition = readService(reader, options.allowBundles ?? false);
  return { definition, problems: problems.sort((a, b) => a.line - b.line) };
}

function readService(reader: TableReader, allowBundles: boolean): ServiceDefinition {
  reader.refuseUnknown(["name", "node", "tier", "active", "path", "stage", "build", "components"]);
  const name = reader.text("name", "", (text) => isServiceName(text) ? null : nameRule);
  if (reader.table.name === undefined) reader.refuse(null, "name must be given", `Write name = "…" at the top`);
  const build = reader.below("build");
  build?.refuseUnknown(["images"]);
  const images = build?.below("images") ?? null;
  const definition: ServiceDefinition = {
    name,
    node: reader.text(
      "node",
      null,
      (text) => /^[a-z0-9](?:[a-z0-9-]{0,62})$/.test(text) ? null : "must be a node's name",
    ),
    tier: reader.choice("tier", ["core", "worker"], "worker"),
    active: reader.flag("active", true),
    path: reader.text(
      "path",
      name,
      (text) => /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(text) ? null : relativeRule,
    ),
    stage: reader.choice("stage", stages, defaultStage),
    build: Object.fromEntries(Object.keys(images?.table ?? {}).map((key) => [key, images!.text(key, "")])),
    components: readComponents(reader, allowBundles),
  };
  for (const component of Object.keys(definition.build)) {
    if (!definition.components.some((one) => one.name === component || imageName(one) === component)) {
      images!.refuse(component, `no component and no image is called ${quote(component)}`);
    }
  }
  return definition;
}

const nameRule = "must be a name of lower-case letters, digits and hyphens, a letter first, at most 63";
const relativeRule = 'must be a folder below the sources, without ".."';

function imageName({ image }: ServiceDefinition["components"][number]): string | null {
  return image.kind === "registry" ? image.repository.split("/").at(-1)! : null;
}
