/** The parameters of SVCB and HTTPS records (RFC 9460 §7, §14.3; RFC 9461 dohpath; RFC 9540 ohttp). */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../ip_address.ts";
import { fromBytes, type Octets, toBytes, u16At, u16Octets } from "../octets.ts";
import { fromBase64 } from "./binary.ts";
import { readNumber } from "./numbers.ts";
import { escapeText } from "./tokens.ts";

/** Codec of one parameter's value. */
export interface Parameter {
  /** Octets of the value, escapes of the record's text already taken out; null when it is none. */
  read(value: Octets): Octets | null;
  /** Whether the octets are such a value. */
  isWellFormed(octets: Octets): boolean;
  /** The value as it stands after `=`; "" for parameters without one. */
  write(octets: Octets): string;
  /** How a value looks, for messages. */
  readonly like: string;
}

/** Numbers of the parameters by name. */
export const parameterKeys: Readonly<Record<string, number>> = {
  mandatory: 0,
  alpn: 1,
  "no-default-alpn": 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
  dohpath: 7,
  ohttp: 8,
};

const keyNames = new Map(Object.entries(parameterKeys).map(([name, key]) => [key, name]));

/** `alpn` … `key667`. */
export const keyText = (key: number): string => keyNames.get(key) ?? `key${key}`;

/** Never to be used (RFC 9460 §14.3.2): refused of those who write records, kept as it is of other servers'. */
export const reservedKey = 0xffff;

/** Number of `alpn` or `key667`; -1 for anything else. */
export function readKeyName(text: string): number {
  const lower = text.toLowerCase();
  if (Object.hasOwn(parameterKeys, lower)) return parameterKeys[lower]!;
  const number = /^key(0|[1-9][0-9]{0,4})$/.exec(lower)?.[1];
  return number !== undefined && Number(number) <= 0xffff ? Number(number) : -1;
}

/** Numbers of keys, ascending, without "mandatory" itself (§8). */
const mandatory: Parameter = {
  like: "alpn,ipv4hint",
  read(value) {
    const keys = value.split(",").map(readKeyName).sort((a, b) => a - b);
    const octets = keys.map(u16Octets).join("");
    return keys[0]! > 0 && mandatory.isWellFormed(octets) ? octets : null;
  },
  isWellFormed(octets) {
    const keys = mandatoryKeys(octets);
    return octets.length > 0 && octets.length % 2 === 0 && keys.every((key, i) => key > (i > 0 ? keys[i - 1]! : 0));
  },
  write: (octets) => mandatoryKeys(octets).map(keyText).join(","),
};

export function mandatoryKeys(octets: Octets): number[] {
  return Array.from({ length: octets.length >> 1 }, (_, i) => u16At(octets, 2 * i));
}

/** Protocol ids, each behind its length (§7.1.1). In the list of texts `\,` and `\\` stand for themselves (appendix A.1). */
const alpn: Parameter = {
  like: '"h2,h3"',
  read(value) {
    const ids: string[] = [];
    let id = "";
    for (let i = 0; i <= value.length; i++) {
      const character = value[i];
      if (character === undefined || character === ",") {
        ids.push(id);
        id = "";
      } else if (character !== "\\") id += character;
      else if (value[++i] === "," || value[i] === "\\") id += value[i];
      else return null;
    }
    if (ids.some(({ length }) => length < 1 || length > 255)) return null;
    return ids.map((id) => String.fromCharCode(id.length) + id).join("");
  },
  isWellFormed(octets) {
    let at = 0;
    while (at < octets.length && octets.charCodeAt(at) > 0) at += 1 + octets.charCodeAt(at);
    return octets.length > 0 && at === octets.length;
  },
  write(octets) {
    const ids: string[] = [];
    for (let at = 0; at < octets.length; at += 1 + octets.charCodeAt(at)) {
      ids.push(octets.slice(at + 1, at + 1 + octets.charCodeAt(at)).replaceAll(/[\\,]/g, "\\$&"));
    }
    return `"${escapeText(ids.join(","))}"`;
  },
};

const withoutValue: Parameter = {
  like: "",
  read: (value) => value === "" ? "" : null,
  isWellFormed: (octets) => octets === "",
  write: () => "",
};

const port: Parameter = {
  like: "8443",
  read(value) {
    const number = readNumber(value);
    return number >= 0 && number <= 0xffff ? u16Octets(number) : null;
  },
  isWellFormed: (octets) => octets.length === 2,
  write: (octets) => String(u16At(octets, 0)),
};

/** Addresses with commas between them; at least one (§7.3). */
function hints(
  octetsEach: number,
  like: string,
  parse: (text: string) => Uint8Array | null,
  format: (octets: Uint8Array) => string,
): Parameter {
  return {
    like,
    read(value) {
      const addresses = value.split(",").map(parse);
      return addresses.includes(null) ? null : addresses.map((address) => fromBytes(address!)).join("");
    },
    isWellFormed: ({ length }) => length > 0 && length % octetsEach === 0,
    write: (octets) =>
      Array.from(
        { length: octets.length / octetsEach },
        (_, i) => format(toBytes(octets.slice(i * octetsEach, (i + 1) * octetsEach))),
      ).join(","),
  };
}

/** An ECHConfigList (RFC 9848); its inside is the client's affair. */
const ech: Parameter = {
  like: "AEX+DQ…",
  read: (value) => value === "" ? null : fromBase64(value),
  isWellFormed: ({ length }) => length > 0,
  write: (octets) => btoa(octets),
};

/** A URI template; `isDohPath` tells a good one. */
const dohpath: Parameter = {
  like: '"/dns-query{?dns}"',
  read: (value) => value === "" ? null : value,
  isWellFormed: ({ length }) => length > 0,
  write: (octets) => `"${escapeText(octets)}"`,
};

/** Whether the template is relative and has the variable "dns" (RFC 9461 §5). */
export const isDohPath = (value: Octets): boolean => /^\/[\x21-\xff]*\{[?&]?dns\}/.test(value);

/** Of a key not known here: any octets. */
const opaque: Parameter = {
  like: '"any text"',
  read: (value) => value,
  isWellFormed: () => true,
  write: (octets) => octets === "" ? "" : `"${escapeText(octets)}"`,
};

const parameters: readonly Parameter[] = [
  mandatory,
  alpn,
  withoutValue,
  port,
  hints(4, "192.0.2.1,192.0.2.2", parseIpv4, formatIpv4),
  ech,
  hints(16, "2001:db8::1", parseIpv6, formatIpv6),
  dohpath,
  withoutValue,
];

export const parameterOf = (key: number): Parameter => parameters[key] ?? opaque;
