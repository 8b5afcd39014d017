/**
 * Block lists as they are published: a line of a hosts file (`0.0.0.0 ads.example.com`, several names possible) blocks these
 * names alone; a domain alone on its line (`ads.example.com`, `*.ads.example.com`, `||ads.example.com^`) blocks the name and
 * all below it. `#` and `!` begin a comment. Other lines are counted and passed over: lists contain rules for browsers too.
 */
import { parseIpv4, parseIpv6 } from "../../domain/ip_address.ts";
import { maxLabelOctets, maxNameOctets, rootKey } from "../../domain/name.ts";
import type { BlockList } from "./block_list.ts";

/** Names of the machine itself, which hosts files begin with. */
const localNames = new Set(["localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0"]);

/** Adds the names of a piece of a list, whole lines; returns how many lines make no sense here. */
export function addBlockLines(list: BlockList, text: string): number {
  let strange = 0;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? text.length : end);
    at = end < 0 ? text.length : end + 1;
    if (!addLine(list, line)) strange++;
  }
  return strange;
}

function addLine(list: BlockList, line: string): boolean {
  const content = line.replace(/(^|\s)[#!].*$/, "").trim();
  if (content === "") return true;
  const words = content.split(/\s+/);
  if (words.length === 1) {
    const domain = /^(?:\|\||\*\.)?([^|*^/$]+)\^?$/.exec(words[0]!)?.[1];
    const key = domain === undefined ? null : keyOfName(domain);
    if (key === null || parseIpv4(domain!) !== null) return false;
    list.add(key, true);
    return true;
  }
  if (parseIpv4(words[0]!) === null && parseIpv6(words[0]!.replace(/%.*$/, "")) === null) return false;
  for (const name of words.slice(1)) {
    const key = localNames.has(name) || name.startsWith("ip6-") ? null : keyOfName(name);
    if (key !== null) list.add(key, false);
  }
  return true;
}

/** The key (domain/name.ts); null for what is no host's name. */
function keyOfName(text: string): string | null {
  let key = "";
  const plain = text.endsWith(".") ? text.slice(0, -1) : text;
  for (const label of plain.toLowerCase().split(".")) {
    if (label === "" || label.length > maxLabelOctets || !/^[a-z0-9_-]+$/.test(label)) return null;
    key += String.fromCharCode(label.length) + label;
  }
  return key.length < maxNameOctets ? key + rootKey : null;
}
