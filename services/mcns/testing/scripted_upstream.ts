/** An upstream that does as a test says, also what no proper one would; over real UDP and TCP. */
import { DomainName, textOfKey } from "../domain/name.ts";
import { parseIpv4, parseIpv6 } from "../domain/ip_address.ts";
import { rcodes, types } from "../dns/codes.ts";
import { type Query, readQuery } from "../dns/query.ts";
import { ReplyWriter, type Section, sections } from "../dns/reply_writer.ts";

export interface Script {
  rcode?: keyof typeof rcodes;
  /** Lines "name ttl type value": A, AAAA, CNAME, NS, or "SOA minimum". */
  answers?: string[];
  authorities?: string[];
  /** Set TC in replies over UDP. */
  truncate?: boolean;
  /** Changes the reply before it goes out. */
  tamper?: (reply: Uint8Array) => Uint8Array;
}

/** Given the question, in lower case, and the transport: what to reply; null: nothing. */
export type Behaviour = (question: string, transport: "udp" | "tcp") => Script | null | Promise<Script | null>;

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

export function scriptedUpstream(behave: Behaviour): ScriptedUpstream {
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: tcp.addr.port });
  const upstream: ScriptedUpstream = {
    address: `127.0.0.1:${tcp.addr.port}`,
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
  const reply = async (packet: Uint8Array, transport: "udp" | "tcp"): Promise<Uint8Array | null> => {
    const query = readQuery(packet)!;
    const name = textOfKey(query.key);
    upstream.asked.push(`${transport} ${name}`);
    upstream.packets.push(packet.slice());
    const script = await upstream.behave(name, transport);
    return script === null ? null : replyTo(query, script, transport);
  };
  const udpLoop = (async () => {
    try {
      for (;;) {
        const [packet, from] = await socket.receive();
        const out = await reply(packet, "udp");
        if (out !== null) await socket.send(out, from);
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
        const out = await reply(frame.subarray(2, read), "tcp");
        if (out !== null) await connection.write(Uint8Array.of(out.length >> 8, out.length, ...out));
      }
    } catch {
      // Closed.
    }
  })();
  return upstream;
}

export function replyTo(query: Query, script: Script, transport: "udp" | "tcp" = "udp"): Uint8Array {
  const out = new Uint8Array(4096);
  const writer = new ReplyWriter();
  writer.start(query, out, out.length);
  for (const line of script.answers ?? []) writeLine(writer, sections.answer, line);
  for (const line of script.authorities ?? []) writeLine(writer, sections.authority, line);
  const rcode = rcodes[script.rcode ?? "NOERROR"];
  const length = writer.finish({ rcode, authoritative: false, recursionAvailable: true });
  if (script.truncate && transport === "udp") out[2]! |= 0x02;
  const reply = out.slice(0, length);
  return script.tamper?.(reply) ?? reply;
}

function writeLine(writer: ReplyWriter, section: Section, line: string): void {
  const [owner = "", ttl = "", type = "", value = ""] = line.split(" ");
  const name = (text: string) => DomainName.parse(text, "name").key;
  writer.startRecord(name(owner), types[type as keyof typeof types], Number(ttl));
  if (type === "A") writer.octets(parseIpv4(value)!);
  else if (type === "AAAA") writer.octets(parseIpv6(value)!);
  else if (type === "SOA") {
    writer.name(name(`ns.${owner}`));
    writer.name(name(`admin.${owner}`));
    for (const word of [1, 2, 3, 4, Number(value)]) writer.u32(word);
  } else writer.name(name(value));
  writer.endRecord(section);
}
