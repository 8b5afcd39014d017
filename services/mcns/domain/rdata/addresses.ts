/** A, AAAA (RFC 1035 §3.4.1, RFC 3596) and the EUI types (RFC 7043). */
import { quote } from "@lib/errors/mod.ts";
import { formatIpv4, formatIpv6, ipv4Number, parseIpv6 } from "../ip_address.ts";
import { fromBytes, fromHex, type Octets, toBytes, toHex, u32Octets } from "../octets.ts";
import { type DataType, type Field, fixedEnd } from "./field.ts";
import { types } from "./record_type.ts";

function quickIpv4(text: string): Octets | null {
  const address = ipv4Number(text);
  return address < 0 ? null : u32Octets(address);
}

function quickIpv6(text: string): Octets | null {
  const octets = parseIpv6(text);
  return octets === null ? null : fromBytes(octets);
}

/** `an A record holds an IPv4 address like 192.0.2.1`. */
function address(family: "IPv4" | "IPv6", example: string): Field {
  const octets = family === "IPv4" ? 4 : 16;
  const read = family === "IPv4" ? quickIpv4 : quickIpv6;
  const write = family === "IPv4" ? formatIpv4 : formatIpv6;
  const name = `${family} address`;
  return {
    name,
    layout: octets,
    parse(tokens) {
      const text = tokens.word(name);
      const address = read(text);
      if (address === null) {
        throw tokens.fail(`${tokens.subject} holds an ${name} like ${example}, got ${quote(text)}`);
      }
      return address;
    },
    end: (data, at) => fixedEnd(name, data, at, octets),
    format: (data, at, end) => write(toBytes(data.slice(at, end))),
  };
}

/** Hexadecimal octets with hyphens between them. */
function eui(name: string, octets: number, example: string): Field {
  return {
    name,
    layout: octets,
    parse(tokens) {
      const text = tokens.word(name);
      const address = text.length === octets * 3 - 1 && /^[0-9a-f]{2}(-[0-9a-f]{2})+$/i.test(text)
        ? fromHex(text.replaceAll("-", ""))
        : null;
      if (address === null) throw tokens.wrong(name, `is written like ${example}`, text);
      return address;
    },
    end: (data, at) => fixedEnd(name, data, at, octets),
    format: (data, at, end) => toHex(data.slice(at, end)).replaceAll(/..(?!$)/g, "$&-"),
  };
}

const single = (example: string, field: Field): DataType => ({ example, fields: [field] });

export const addressTypes: readonly [number, DataType][] = [
  [types.A, { ...single("192.0.2.1", address("IPv4", "192.0.2.1")), quick: quickIpv4 }],
  [types.AAAA, { ...single("2001:db8::1", address("IPv6", "2001:db8::1")), quick: quickIpv6 }],
  [types.EUI48, single("00-00-5e-00-53-2a", eui("address", 6, "00-00-5e-00-53-2a"))],
  [types.EUI64, single("00-00-5e-ef-10-00-00-2a", eui("address", 8, "00-00-5e-ef-10-00-00-2a"))],
];
