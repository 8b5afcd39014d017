/** `<data>/platform.json`: where everything is, for people and programs. */
import { join } from "node:path";
import { table } from "@lib/terminal/mod.ts";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import { adminName } from "./bootstrap.ts";
import { exists, writeWhole } from "./files.ts";
import { defaultPortsBase, type Layout, layoutOf, loopback, serviceZone } from "./layout.ts";

/** The file's contents. */
export function platformOf(layout: Layout) {
  const { ports, pki, adminPassword } = layout;
  const https = (port: number) => `https://${loopback}:${port}`;
  return {
    ca: pki.root,
    dns: `${loopback}:${ports.dns}`,
    proxy: `${loopback}:${ports.proxy}`,
    mcias: https(ports.mcias.rest),
    metacrypt: https(ports.metacrypt.rest),
    mcns: https(ports.mcns.rest),
    mcns_grpc: `${loopback}:${ports.mcns.grpc}`,
    mcproxy: `unix:${layout.srv("mcproxy", "run", "admin.sock")}`,
    mcproxy_admin: https(ports.proxyAdmin.rest),
    mcr: `${loopback}:${ports.mcr.rest}`,
    agent: `${loopback}:${ports.agent.grpc}`,
    admin: adminName,
    admin_password_file: adminPassword,
    ports_base: ports.base,
  };
}

export function writePlatform(layout: Layout): void {
  writeWhole(layout.platformFile, JSON.stringify(platformOf(layout), null, 2) + "\n");
}

/** The layout of a data folder: its own ports where it has been up before; asking for others then is refused. */
export function findLayout(data: string, askedBase: number | null): Layout {
  const path = join(data, "platform.json");
  if (!exists(path)) return layoutOf(data, askedBase ?? defaultPortsBase);
  let base: unknown;
  try {
    base = (JSON.parse(Deno.readTextFileSync(path)) as { ports_base?: unknown }).ports_base;
  } catch (error) {
    throw invalid(path, `can't be read: ${messageOf(error)}`);
  }
  if (typeof base !== "number") throw invalid(path, 'has no "ports_base"');
  if (askedBase !== null && askedBase !== base) {
    throw invalid("--ports-base", `this platform has its ports above ${base}, got ${askedBase}`, {
      hint: "Leave the flag out, or name another data folder.",
    });
  }
  return layoutOf(data, base);
}

/** The same as a table, and what to try next. */
export function platformText(layout: Layout): string {
  const { ports } = layout;
  const rows = Object.entries(platformOf(layout)).filter(([key]) => key !== "ports_base");
  const host = `hello.${serviceZone}`;
  const data = layout.data === join(Deno.cwd(), ".metacircular") ? "" : ` --data ${layout.data}`;
  return `${
    table(rows, [{ heading: "what", cell: ([key]) => key }, { heading: "where", cell: ([, value]) => String(value) }])
  }
Next:
  deno task deploy hello${data}
  curl --cacert ${layout.pki.root} --resolve ${host}:${ports.proxy}:${loopback} https://${host}:${ports.proxy}/
  dig @${loopback} -p ${ports.dns} ${host} +short
  deno task mcp${data} ps
  deno task down${data}
`;
}
