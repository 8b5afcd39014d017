/** SVCB and HTTPS (RFC 9460): priority, target, parameters ascending by key. */
import { quote } from "@lib/errors/mod.ts";
import { type Octets, u16At, u16Octets } from "../octets.ts";
import type { DataType, Field } from "./field.ts";
import { name, nameEnd } from "./names.ts";
import { number } from "./numbers.ts";
import { types } from "./record_type.ts";
import {
  isDohPath,
  keyText,
  mandatoryKeys,
  parameterKeys,
  parameterOf,
  readKeyName,
  reservedKey,
} from "./service_parameters.ts";
import type { TokenReader } from "./tokens.ts";

/** All that is left: parameters in any order, each at most once. */
const parameters: Field = {
  name: "parameters",
  parse(tokens) {
    const values = new Map<number, Octets>();
    while (tokens.left > 0) {
      const [key, value] = readParameter(tokens);
      if (values.has(key)) throw tokens.fail(`${tokens.subject} has parameter ${keyText(key)} twice`);
      values.set(key, value);
    }
    return [...values].sort(([a], [b]) => a - b)
      .map(([key, value]) => u16Octets(key) + u16Octets(value.length) + value).join("");
  },
  end(data, at) {
    for (let before = -1; at < data.length;) {
      if (at + 4 > data.length) return "a parameter is cut short";
      const key = u16At(data, at), end = at + 4 + u16At(data, at + 2);
      if (end > data.length) return `its ${keyText(key)} is cut short`;
      if (key <= before) return `its ${keyText(key)} doesn't stand in the order of the keys' numbers`;
      if (!parameterOf(key).isWellFormed(data.slice(at + 4, end))) return `its ${keyText(key)} is malformed`;
      before = key;
      at = end;
    }
    return at;
  },
  format(data, at, end) {
    const texts: string[] = [];
    for (const [key, octets] of valuesAt(data, at, end)) {
      const value = parameterOf(key).write(octets);
      texts.push(value === "" ? keyText(key) : `${keyText(key)}=${value}`);
    }
    return texts.join(" ");
  },
};

/** `port=8443`, `alpn="h2,h3"`, `no-default-alpn`, `key667=text`; `key3="\032\251"` is a port as octets (§2.1). */
function readParameter(tokens: TokenReader): [number, Octets] {
  const token = tokens.next("parameters");
  const equals = token.text.indexOf("=");
  const keyName = equals < 0 ? token.text : token.text.slice(0, equals);
  const key = token.quoted ? -1 : readKeyName(keyName);
  if (key < 0) {
    const known = Object.keys(parameterKeys).join(", ");
    throw tokens.fail(
      `${tokens.subject}'s parameters are written key=value with a key of ${known}, or key and a number, ` +
        `got ${quote(token.text)}`,
    );
  }
  let written = equals < 0 ? "" : token.text.slice(equals + 1);
  const following = tokens.peek();
  if (equals >= 0 && written === "" && following?.quoted === true && following.adjacent) {
    written = tokens.next("parameters").text;
  }
  const octets = tokens.octets({ ...token, text: written });
  const parameter = parameterOf(key);
  const isNumbered = keyName.toLowerCase() !== keyText(key);
  const value = isNumbered ? (parameter.isWellFormed(octets) ? octets : null) : parameter.read(octets);
  if (value === null || value.length > 0xffff) {
    const like = isNumbered
      ? "has the octets of its value"
      : parameter.like === ""
      ? "has no value"
      : `is written like ${keyText(key)}=${parameter.like}`;
    throw tokens.wrong(keyName, like, written);
  }
  return [key, value];
}

function valuesAt(data: Octets, at: number, end: number): Map<number, Octets> {
  const values = new Map<number, Octets>();
  while (at < end) {
    const next = at + 4 + u16At(data, at + 2);
    values.set(u16At(data, at), data.slice(at + 4, next));
    at = next;
  }
  return values;
}

/** What makes a record consistent with itself; clients ignore others (§2.4.2, §7.1.1, §8). */
function bindingRule(record: string): (data: Octets) => string | null {
  return (data) => {
    const values = valuesAt(data, nameEnd(data, 2), data.length);
    if (u16At(data, 0) === 0 && values.size > 0) {
      return `${record} of priority 0 is an alias and has no parameters; give it a priority from 1`;
    }
    if (values.has(reservedKey)) return `${record}'s ${keyText(reservedKey)} is reserved; leave it out`;
    const missing = mandatoryKeys(values.get(parameterKeys.mandatory!) ?? "").find((key) => !values.has(key));
    if (missing !== undefined) {
      return `${record}'s mandatory parameter ${keyText(missing)} is missing; add it, or leave it out of mandatory`;
    }
    if (values.has(parameterKeys["no-default-alpn"]!) && !values.has(parameterKeys.alpn!)) {
      return `${record} with no-default-alpn lists its protocols, like alpn="h2"`;
    }
    const path = values.get(parameterKeys.dohpath!);
    if (path !== undefined && !isDohPath(path)) {
      return `${record}'s dohpath is a path with the variable dns, like "/dns-query{?dns}", got ${quote(path)}`;
    }
    return null;
  };
}

function binding(record: string, example: string): DataType {
  // Not folded in the canonical form: the type is younger than RFC 4034.
  const target = name("target", { root: true, keepCase: true });
  return { fields: [number("priority", 2), target, parameters], example, rule: bindingRule(record), target };
}

export const serviceBindingTypes: readonly [number, DataType][] = [
  [types.SVCB, binding("an SVCB record", '1 dns.example.org alpn="dot,h2" dohpath="/dns-query{?dns}"')],
  [types.HTTPS, binding("an HTTPS record", '1 . alpn="h2,h3" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1')],
];
