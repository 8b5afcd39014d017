/** LOC: a place on earth (RFC 1876). One field of 16 octets that takes 4 to 12 words. */
import { type Octets, u32At, u32Octets } from "../octets.ts";
import type { DataType, Field } from "./field.ts";
import { readNumber } from "./numbers.ts";
import { types } from "./record_type.ts";
import type { TokenReader } from "./tokens.ts";

/** The equator and the prime meridian; angles are thousandths of a second of arc from there (§2). */
const angleOrigin = 2 ** 31;
const degree = 3_600_000, minute = 60_000;

/** Altitudes are centimetres above 100 km below the reference spheroid. */
const altitudeOrigin = 10_000_000;

/** Of size, horizontal and vertical precision in centimetres, where they aren't given (§3). */
const defaultSizes = { size: 100, "horizontal precision": 1_000_000, "vertical precision": 1000 };

const location: Field = {
  name: "location",
  layout: 16,
  parse(tokens) {
    const latitude = readAngle(tokens, "latitude", 90, "NS");
    const longitude = readAngle(tokens, "longitude", 180, "EW");
    const altitude = readMetres(tokens, "altitude", -altitudeOrigin, 0xffff_ffff - altitudeOrigin);
    const sizes = Object.entries(defaultSizes).map(([what, centimetres]) =>
      sizeOctet(tokens.left > 0 ? readMetres(tokens, what, 0, 9e9) : centimetres)
    );
    return "\0" + sizes.join("") + u32Octets(latitude) + u32Octets(longitude) + u32Octets(altitude + altitudeOrigin);
  },
  end(data, at) {
    if (at + 16 > data.length) return "its location is cut short";
    if (data.charCodeAt(at) !== 0) return `its version is 0, got ${data.charCodeAt(at)}`;
    for (let i = at + 1; i < at + 4; i++) {
      const size = data.charCodeAt(i);
      if (size > 0x99 || (size & 0x0f) > 9) return "its sizes are no decimal digits";
      // 0 has one spelling, as in BIND: 0e3 would be written, and read back, as 0.
      if (size !== 0 && size < 0x10) return "a size of 0 has a power of ten";
    }
    const isOnEarth = Math.abs(u32At(data, at + 4) - angleOrigin) <= 90 * degree &&
      Math.abs(u32At(data, at + 8) - angleOrigin) <= 180 * degree;
    return isOnEarth ? at + 16 : "its angles are beyond the poles or the date line";
  },
  format(data, at) {
    const altitude = u32At(data, at + 12) - altitudeOrigin;
    return [
      angleText(u32At(data, at + 4), "NS"),
      angleText(u32At(data, at + 8), "EW"),
      `${altitude < 0 ? "-" : ""}${hundredths(Math.abs(altitude))}m`,
      ...[1, 2, 3].map((i) => sizeText(data.charCodeAt(at + i))),
    ].join(" ");
  },
};

/** `52 22 23.000 N`; minutes and seconds may be left out. */
function readAngle(tokens: TokenReader, what: string, maxDegrees: number, directions: string): number {
  const words: string[] = [];
  let direction = -1;
  while (direction < 0) {
    const word = tokens.word(what);
    direction = word.length === 1 ? directions.indexOf(word.toUpperCase()) : -1;
    words.push(word);
    if (words.length > 4) break;
  }
  const [degrees = -1, minutes = 0] = words.slice(0, -1).map(readNumber);
  const seconds = words.length === 4 ? readThousandths(words[2]!) : 0;
  const angle = degrees * degree + minutes * minute + seconds;
  const isFine = direction >= 0 && degrees >= 0 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < minute &&
    angle <= maxDegrees * degree;
  if (!isFine) {
    const ends = directions.split("").join(" or ");
    throw tokens.wrong(what, `is degrees up to ${maxDegrees}, minutes, seconds and ${ends}`, words.join(" "));
  }
  return direction === 0 ? angleOrigin + angle : angleOrigin - angle;
}

/** Thousandths of `23.5`; -1 for what is no number. */
function readThousandths(text: string): number {
  const match = /^([0-9]{1,2})(?:\.([0-9]{1,3}))?$/.exec(text);
  return match === null ? -1 : Number(match[1]) * 1000 + Number((match[2] ?? "").padEnd(3, "0"));
}

/** Centimetres of `-2.50m`; the unit may be left out. */
function readMetres(tokens: TokenReader, what: string, min: number, max: number): number {
  const text = tokens.word(what);
  const match = /^(-?)([0-9]{1,8})(?:\.([0-9]{1,2}))?m?$/i.exec(text);
  const size = match === null ? NaN : Number(match[2]) * 100 + Number((match[3] ?? "").padEnd(2, "0"));
  const centimetres = match?.[1] === "-" ? -size : size;
  if (!(centimetres >= min && centimetres <= max)) {
    throw tokens.wrong(what, `is metres from ${min / 100} to ${max / 100}, like 12.50m`, text);
  }
  return centimetres === 0 ? 0 : centimetres; // no negative zero
}

/** One digit and a power of ten, each in four bits: what doesn't fit is rounded down, as other servers do. */
function sizeOctet(centimetres: number): Octets {
  let exponent = 0;
  for (; centimetres >= 10; exponent++) centimetres = Math.floor(centimetres / 10);
  return String.fromCharCode(centimetres << 4 | exponent);
}

function sizeText(octet: number): string {
  const centimetres = (octet >> 4) * 10 ** (octet & 0x0f);
  return centimetres % 100 === 0 && centimetres > 0 ? `${centimetres / 100}m` : `${hundredths(centimetres)}m`;
}

const hundredths = (value: number): string => `${Math.floor(value / 100)}.${String(value % 100).padStart(2, "0")}`;

function angleText(value: number, directions: string): string {
  const angle = Math.abs(value - angleOrigin);
  const seconds = angle % minute;
  return [
    Math.floor(angle / degree),
    Math.floor(angle / minute) % 60,
    `${Math.floor(seconds / 1000)}.${String(seconds % 1000).padStart(3, "0")}`,
    directions[value >= angleOrigin ? 0 : 1],
  ].join(" ");
}

export const locationTypes: readonly [number, DataType][] = [
  [types.LOC, { fields: [location], example: "52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m" }],
];
