/**
 * The programs of the platform, as the bundler and the tools see them: where each starts, what it declares, and
 * its config's schema, whose defaults travel with the bundle.
 * @module
 */
import type { Schema } from "@lib/config/mod.ts";
import type { Declaration } from "@lib/sandbox/mod.ts";
import { schema as mciasSchema } from "../services/mcias/config.ts";
import { sandbox as mciasSandbox } from "../services/mcias/sandbox.ts";
import { schema as metacryptSchema } from "../services/metacrypt/config.ts";
import { sandbox as metacryptSandbox } from "../services/metacrypt/sandbox.ts";
import { schema as mcnsSchema } from "../services/mcns/config.ts";
import { sandbox as mcnsSandbox } from "../services/mcns/sandbox.ts";
import { schema as mcproxySchema } from "../services/mcproxy/config.ts";
import { sandbox as mcproxySandbox } from "../services/mcproxy/sandbox.ts";
import { schema as mcrSchema } from "../services/mcr/config.ts";
import { sandbox as mcrSandbox } from "../services/mcr/sandbox.ts";
import { schema as mcpagentSchema } from "../services/mcpagent/config.ts";
import { sandbox as mcpagentSandbox } from "../services/mcpagent/sandbox.ts";

export interface ProgramSource {
  /** Relative to the source tree. */
  entry: string;
  sandbox: Declaration;
  schema: Schema;
}

export const programs = {
  mcias: { entry: "services/mcias/main.ts", sandbox: mciasSandbox, schema: mciasSchema },
  metacrypt: { entry: "services/metacrypt/main.ts", sandbox: metacryptSandbox, schema: metacryptSchema },
  mcns: { entry: "services/mcns/main.ts", sandbox: mcnsSandbox, schema: mcnsSchema },
  mcproxy: { entry: "services/mcproxy/main.ts", sandbox: mcproxySandbox, schema: mcproxySchema },
  mcr: { entry: "services/mcr/main.ts", sandbox: mcrSandbox, schema: mcrSchema },
  mcpagent: { entry: "services/mcpagent/main.ts", sandbox: mcpagentSandbox, schema: mcpagentSchema },
} as const satisfies Record<string, ProgramSource>;

export type ProgramName = keyof typeof programs;

/** Started by the agent, in boot order; the agent itself is not among them. */
export const platformServices = ["mcias", "metacrypt", "mcns", "mcproxy", "mcr"] as const;
export type PlatformService = typeof platformServices[number];
