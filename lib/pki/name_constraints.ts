/**
 * Name constraints of a CA (RFC 5280 §4.2.1.10): permitted DNS zones and address blocks. Written critical, as the RFC
 * demands. Read, they tell before signing whether verifiers will accept a name.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { readDer, writeDer } from "./der.ts";
import { canonicalIp, ipBytes, parseSubjectName, type SubjectName } from "./names.ts";
import * as x509 from "./x509.ts";

export const oidNameConstraints = "2.5.29.30";
/** GeneralName choices: [2] dNSName, [7] iPAddress. */
const dnsTag = 0x82;
const ipTag = 0x87;

/** What a CA may certify. A kind without entries is not constrained. */
export interface PermittedNames {
  /** Zones: themselves and everything below. */
  dns: string[];
  /** Address and mask, 4 or 16 bytes each. */
  ip: { address: Uint8Array; mask: Uint8Array }[];
}

/** The extension for zones (`svc.example.net`) and address blocks (`127.0.0.0/8`, `::1`). */
export function nameConstraints(permitted: readonly string[]): x509.Extension {
  const subtrees = permitted.map((each) => writeDer(0x30, generalSubtree(each)));
  return new x509.Extension(oidNameConstraints, true, writeDer(0x30, writeDer(0xa0, ...subtrees)));
}

function generalSubtree(text: string): Uint8Array {
  const [address = "", prefix, ...rest] = text.split("/");
  const ip = canonicalIp(address);
  if (ip === null) {
    const name = parseSubjectName(text, { field: "permitted" });
    return writeDer(dnsTag, new TextEncoder().encode(name.value));
  }
  const bytes = ipBytes(ip);
  const bits = prefix === undefined ? bytes.length * 8 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
  if (bits > bytes.length * 8 || rest.length > 0) {
    throw invalid("permitted", `an address block is written like 10.0.0.0/8 or fd00::/8: ${quote(text)}`);
  }
  const mask = bytes.map((_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))) & 0xff);
  return writeDer(ipTag, bytes.map((byte, i) => byte & (mask[i] ?? 0)), mask);
}

/**
 * The permitted subtrees of a certificate; null when it has no name constraints. Excluded subtrees are not read:
 * verifiers still apply them.
 * @throws RangeError when the extension is malformed
 */
export function readNameConstraints(certificate: x509.X509Certificate): PermittedNames | null {
  const extension = certificate.getExtension(oidNameConstraints);
  if (extension === null) return null;
  const found: PermittedNames = { dns: [], ip: [] };
  const [sequence] = readDer(new Uint8Array(extension.value));
  const permitted = readDer(sequence?.value ?? new Uint8Array()).find((each) => each.tag === 0xa0);
  for (const subtree of readDer(permitted?.value ?? new Uint8Array())) {
    const [base] = readDer(subtree.value);
    if (base?.tag === dnsTag) found.dns.push(new TextDecoder("latin1").decode(base.value).toLowerCase());
    if (base?.tag === ipTag) {
      const half = base.value.length / 2;
      found.ip.push({ address: base.value.slice(0, half), mask: base.value.slice(half) });
    }
  }
  return found;
}

/** Whether a CA with these constraints may certify `name`. */
export function permits(permitted: PermittedNames | null, name: SubjectName): boolean {
  if (permitted === null) return true;
  if (name.kind === "dns") {
    const plain = name.value.replace(/^\*\./, "");
    return permitted.dns.length === 0 || permitted.dns.some((zone) => plain === zone || plain.endsWith(`.${zone}`));
  }
  const bytes = ipBytes(name.value);
  return permitted.ip.length === 0 ||
    permitted.ip.some(({ address, mask }) =>
      address.length === bytes.length && bytes.every((byte, i) => (byte & (mask[i] ?? 0)) === address[i])
    );
}
