import { invalid, quote } from "@lib/errors/mod.ts";

/**
 * What a program does to the outside, as plain data. Entries are dotted config
 * keys ("server.rest_addr"); a key's value may be one or a list, and `routes.*.addr`
 * goes through a list of tables. An empty value grants nothing.
 */
export interface Declaration {
  program: string;
  /** Addresses that it binds: "host:port" or "unix:/path". */
  listen?: readonly string[];
  /** Addresses that it connects to: "host:port", "host" (all ports of it) or "unix:/path". */
  connect?: readonly string[];
  /** Networks whose clients get datagrams back: Deno asks for net permission of the receiver. */
  datagramPeers?: readonly string[];
  /** Files and folders that it reads. */
  read?: readonly string[];
  /** Files and folders that it reads and writes. */
  write?: readonly string[];
  /** Verbs that need other things than the server: instead of all of the above they get these, e.g. `status`. */
  verbs?: Readonly<Record<string, VerbNeeds>>;
  /** Variables that it reads beside those of its config, e.g. "PORT_*". */
  env?: readonly string[];
  /** Config keys of the programs that it may start. None but the agent's and the tools' declarations have any. */
  run?: readonly string[];
  /** Unstable runtime parts: "net" is UDP, port sharing and vsock. */
  unstable?: readonly "net"[];
  /** A new process can take over the addresses of the old one while that drains. */
  takeover?: boolean;
  /** MiB of JavaScript heap; default 256. Beyond it the program is ended by the runtime. */
  memoryMib?: number;
  /**
   * Garbage is collected on the program's own thread: less CPU time and memory in all, for longer pauses where the heap
   * is large. Default false.
   */
  singleThreadedGc?: boolean;
}

/** What a verb touches, as in Declaration. */
export interface VerbNeeds {
  connect?: readonly string[];
  read?: readonly string[];
  write?: readonly string[];
}

/** What a bundle without a declaration of its own gets: its routes' ports, and nothing else. */
export function defaultDeclaration(program: string): Declaration {
  return { program };
}

const verbLists = ["connect", "read", "write"] as const;
const lists = ["listen", "connect", "datagramPeers", "read", "write", "env", "unstable"] as const;

/**
 * Reads a declaration that came with a bundle. Throws Invalid for anything unknown, and for `run`:
 * a program from the registry can't ask to start others.
 */
export function parseDeclaration(value: unknown): Declaration {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("declaration", "must be an object");
  }
  const given = value as Record<string, unknown>;
  const known: string[] = [...lists, "program", "verbs", "takeover", "memoryMib", "singleThreadedGc"];
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) {
      throw invalid(`declaration.${key}`, `is not a part of a declaration; known: ${known.join(", ")}`);
    }
  }
  if (typeof given.program !== "string") throw invalid("declaration.program", "must be a string");
  for (const key of lists) {
    const list = given[key];
    if (list !== undefined && !(Array.isArray(list) && list.every((one) => typeof one === "string"))) {
      throw invalid(`declaration.${key}`, `must be a list of strings, got ${quote(JSON.stringify(list))}`);
    }
  }
  checkVerbs(given.verbs ?? {});
  for (const one of (given.unstable ?? []) as string[]) {
    if (one !== "net") throw invalid("declaration.unstable", `must be "net", got ${quote(one)}`);
  }
  for (const key of ["takeover", "singleThreadedGc"]) {
    if (given[key] !== undefined && typeof given[key] !== "boolean") {
      throw invalid(`declaration.${key}`, "must be true or false");
    }
  }
  const memory = given.memoryMib;
  if (memory !== undefined && !(Number.isInteger(memory) && Number(memory) >= 16 && Number(memory) <= 16_384)) {
    throw invalid("declaration.memoryMib", `must be a whole number from 16 to 16384, got ${quote(memory)}`);
  }
  return given as unknown as Declaration;
}

function checkVerbs(verbs: unknown): void {
  const isTable = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isTable(verbs)) throw invalid("declaration.verbs", "must be an object");
  for (const [verb, needs] of Object.entries(verbs)) {
    const isRight = isTable(needs) &&
      Object.entries(needs).every(([key, list]) =>
        (verbLists as readonly string[]).includes(key) && Array.isArray(list) &&
        list.every((one) => typeof one === "string")
      );
    if (!isRight) {
      throw invalid(
        `declaration.verbs.${verb}`,
        `must be lists of config keys under ${verbLists.join(", ")}, got ${quote(JSON.stringify(needs))}`,
      );
    }
  }
}
