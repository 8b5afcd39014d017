/** Where a secret stands that shouldn't. */
import { Buffer } from "node:buffer";
import { join } from "node:path";

/** By what it is: octets, or text that is looked for as it is. */
export type Secrets = Readonly<Record<string, Uint8Array | string>>;

/** Which of the secrets stand in it, in any of their forms. @param place what the text is, for the result */
export function secretsIn(place: string, text: string, secrets: Secrets): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([name]) => `${name} in ${place}`);
}

/** The octets of a file, one character each. */
export function octetsOf(path: string): string {
  return latin1(Deno.readFileSync(path));
}

/** Files of a folder and all below it. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(join(folder, name)) : [join(folder, name)]
  ).sort();
}

/** Of a file that others than its owner may do anything with: its mode in octal. */
export function openTo(path: string): string[] {
  const mode = Deno.statSync(path).mode! & 0o777;
  return (mode & 0o077) === 0 ? [] : [`${path} ${mode.toString(8)}`];
}

function formsOf(secret: Uint8Array | string): string[] {
  if (typeof secret === "string") return [secret];
  const base64 = secret.toBase64({ omitPadding: true });
  // The last character of Base64 holds bits of what follows.
  const forms = [base64, secret.toBase64({ alphabet: "base64url", omitPadding: true })].map((one) => one.slice(0, -1));
  const hex = secret.toHex();
  return [latin1(secret), hex, hex.toUpperCase(), ...forms];
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}
