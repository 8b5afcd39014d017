/** An upstream that does as a test says, also what no proper one would; over real UDP and TCP, or TLS. */
import { formatAddress, parseAddress, type SecureConnection } from "@lib/tls/mod.ts";
import { DomainName, textOfKey } from "../domain/name.ts";
import { type Octets, toBytes, u32Octets } from "../domain/octets.ts";
import { parseData } from "../domain/rdata/record_data.ts";
import { typeCode } from "../domain/rdata/record_type.ts";
import { rcodes, types } from "../dns/codes.ts";
import { ReplyOptions } from "../dns/edns_options.ts";
import { type Query, readQuery } from "../dns/query.ts";
import { ReplyWriter, type Section, sections } from "../dns/reply_writer.ts";

export interface Script {
  rcode?: keyof typeof rcodes;
  /** Lines "name ttl type data"; an SOA's data is its minimum alone. */
  answers?: string[];
  authorities?: string[];
  /** Set TC in replies over UDP. */
  truncate?: boolean;
  /** The cookie option: the client's part repeated, and this one after it. */
  serverCookie?: Uint8Array;
  /** Changes the reply before it goes out. */
  tamper?: (reply: Uint8Array) => Uint8Array;
  /** What a forger sends from the upstream's address, before the reply to a query over UDP. */
  forged?: (reply: Uint8Array) => Uint8Array[];
}

export type ScriptedTransport = "udp" | "tcp" | "tls";

/** Given the question, in lower case, and the transport: what to reply; null: nothing. */
export type Behaviour = (
  question: string,
  transport: ScriptedTransport,
  query: Query,
) => Script | null | Promise<Script | null>;

export interface ScriptedUpstream extends AsyncDisposable {
  address: string;
  /** Every query received, "udp www.example.net". */
  asked: string[];
  /** The queries themselves. */
  packets: Uint8Array[];
  behave: Behaviour;
  /** A socket of the upstream's, to send forged replies from its own address. */
  socket: Deno.DatagramConn;
}

/** @param address default: a free port of 127.0.0.1 */
export function scriptedUpstream(behave: Behaviour, address = "127.0.0.1:0"): ScriptedUpstream {
  const { hostname, port } = parseAddress(address) as { hostname: string; port: number };
  const tcp = Deno.listen({ hostname, port });
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: tcp.addr.port });
  const upstream: ScriptedUpstream = {
    address: formatAddress({ kind: "tcp", hostname, port: tcp.addr.port }),
    asked: [],
    packets: [],
    behave,
    socket,
    async [Symbol.asyncDispose]() {
      tcp.close();
      socket.close();
      await Promise.all([udpLoop, tcpLoop]);
    },
  };
  const udpLoop = (async () => {
    try {
      for (;;) {
        const [packet, from] = await socket.receive();
        // One that is held back holds nobody else up.
        void replies(upstream, packet, "udp").then(async (all) => {
          for (const out of all) await socket.send(out, from);
        }).catch(() => {});
      }
    } catch {
      // Closed.
    }
  })();
  const tcpLoop = (async () => {
    try {
      for (;;) {
        using connection = await tcp.accept();
        const frame = new Uint8Array(1024);
        const read = await connection.read(frame) ?? 0;
        for (const out of await replies(upstream, frame.subarray(2, read), "tcp")) await connection.write(framed(out));
      }
    } catch {
      // Closed.
    }
  })();
  return upstream;
}

/** What an upstream over TLS does with a connection: for `listenTls`. */
export function serveScripted(
  upstream: Pick<ScriptedUpstream, "asked" | "packets" | "behave">,
): (connection: SecureConnection) => void {
  return (connection) => {
    let received = new Uint8Array(0);
    connection.on("data", (chunk: Uint8Array) => {
      received = Uint8Array.of(...received, ...chunk);
      while (received.length >= 2) {
        const end = 2 + (received[0]! << 8 | received[1]!);
        if (received.length < end) break;
        void replies(upstream, received.slice(2, end), "tls").then((all) => {
          for (const out of all) if (!connection.destroyed) connection.write(framed(out));
        });
        received = received.slice(end);
      }
    });
    connection.on("end", () => connection.end());
    connection.on("error", () => {});
  };
}

/** The reply, after what is forged; none for none. */
async function replies(
  upstream: Pick<ScriptedUpstream, "asked" | "packets" | "behave">,
  packet: Uint8Array,
  transport: ScriptedTransport,
): Promise<Uint8Array[]> {
  const query = readQuery(packet.slice())!;
  const name = textOfKey(query.key);
  upstream.asked.push(`${transport} ${name}`);
  upstream.packets.push(query.packet);
  const script = await upstream.behave(name, transport, query);
  if (script === null) return [];
  const reply = replyTo(query, script, transport);
  return [...transport === "udp" ? script.forged?.(reply) ?? [] : [], reply];
}

function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >> 8, message.length, ...message);
}

export function replyTo(query: Query, script: Script, transport: ScriptedTransport = "udp"): Uint8Array {
  const out = new Uint8Array(transport === "udp" ? 4096 : 65_535);
  const writer = new ReplyWriter();
  const options = new ReplyOptions();
  if (script.serverCookie !== undefined && query.edns !== null) {
    const { cookieAt } = query.edns;
    options.cookie = Uint8Array.of(...query.packet.subarray(cookieAt, cookieAt + 8), ...script.serverCookie);
  }
  writer.start(query, out, out.length, options);
  for (const line of script.answers ?? []) writeLine(writer, sections.answer, line);
  for (const line of script.authorities ?? []) writeLine(writer, sections.authority, line);
  const rcode = rcodes[script.rcode ?? "NOERROR"];
  const length = writer.finish({ rcode, authoritative: false, recursionAvailable: true });
  if (script.truncate && transport === "udp") out[2]! |= 0x02;
  const reply = out.slice(0, length);
  return script.tamper?.(reply) ?? reply;
}

function writeLine(writer: ReplyWriter, section: Section, line: string): void {
  const [owner = "", ttl = "", typeName = "", ...rest] = line.split(" ");
  const type = typeCode(typeName), value = rest.join(" ");
  const data = type === types.SOA ? soaOf(owner, Number(value)) : parseData(type, value);
  writer.startRecord(keyOf(owner), type, Number(ttl));
  writer.octets(toBytes(data));
  writer.endRecord(section);
}

function soaOf(zone: string, minimum: number): Octets {
  return keyOf(`ns.${zone}`) + keyOf(`admin.${zone}`) + [1, 2, 3, 4, minimum].map(u32Octets).join("");
}

const keyOf = (text: string): string => DomainName.parse(text, "name").key;
