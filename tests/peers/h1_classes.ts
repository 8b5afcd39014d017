/**
 * Where MC-Proxy, nginx and HAProxy differ about HTTP/1.1, and why: each row names the rule and says which shapes of
 * `h1_cases.ts` it explains. A difference without a row is a fault of somebody, most likely ours.
 * @module
 */

/** Whom MC-Proxy is compared with. */
export type Peer = "nginx" | "haproxy";

/**
 * What came of a case: "served N" when all N requests were answered with 2xx and the backend saw as many; "refused 4xx";
 * "silent" for a connection closed without a response; two of them when one follows the other.
 */
export type Verdict = string;

export interface DifferenceClass {
  readonly name: string;
  /** Where the rule stands. */
  readonly rule: string;
  readonly ours: Verdict;
  readonly theirs: Verdict;
  /** Shapes in which that peer differs so. */
  readonly nginx?: readonly string[];
  readonly haproxy?: readonly string[];
}

/** The usual case: we refuse, and they serve the odd request and the one behind it. */
const stricter = { ours: "refused 4xx", theirs: "served 2" } as const;
const both = (...shapes: string[]) => ({ nginx: shapes, haproxy: shapes });

export const differenceClasses: readonly DifferenceClass[] = [
  {
    name: "we take no bare LF for a line's end",
    rule: "RFC 9112 §2.2, MAY",
    ...stricter,
    ...both(
      "bare LF everywhere",
      "bare LF after a field",
      "bare LF after the request line",
      "bare LF hides a length",
      "bare LF before",
    ),
  },
  {
    name: "we skip one empty line before a request, not more",
    rule: "RFC 9112 §2.2, at least one",
    ...stricter,
    ...both("two empty lines before"),
  },
  {
    name: "we take no CR that isn't followed by LF",
    rule: "RFC 9112 §2.2, MUST",
    ...stricter,
    nginx: ["bare CR before the line's end"],
  },
  {
    name: "we take no control characters in values",
    rule: "RFC 9110 §5.5, MUST for NUL, MAY for others",
    ...stricter,
    nginx: ["control in a value"],
    haproxy: ["control in a value", "NUL in a value"],
  },
  {
    name: "we refuse folded fields, they are unfolded",
    rule: "RFC 9112 §5.2, either",
    ...stricter,
    haproxy: ["folded field", "folded field, tab", "folded framing"],
  },
  {
    name: "we refuse lines that are no fields, they are dropped",
    rule: "RFC 9112 §5, RFC 9110 §5.1",
    ...stricter,
    nginx: ["no colon", "odd octet in a name"],
  },
  {
    name: "we refuse two equal lengths, they are merged",
    rule: "RFC 9112 §6.3 rule 5, either",
    ...stricter,
    haproxy: ["two equal lengths"],
  },
  {
    name: "we refuse framing fields with _, which CGI reads as -",
    rule: "RFC 9112 §11.2, RFC 3875 §4.1.18",
    ...stricter,
    ...both("length with _"),
  },
  {
    name: "the same, and what follows is taken for a request",
    rule: "RFC 9112 §11.2, RFC 3875 §4.1.18",
    ours: "refused 4xx",
    theirs: "served 1, refused 4xx",
    ...both("coding with _"),
  },
  {
    name: "we refuse length and coding together, the coding wins",
    rule: "RFC 9112 §6.1, MAY",
    ours: "refused 4xx",
    theirs: "served 1",
    haproxy: [
      "length and coding",
      "coding and length",
      "length and coding, in other words",
      "coding, length, HTTP/1.0",
    ],
  },
  {
    name: "we refuse a coding in HTTP/1.0",
    rule: "RFC 9112 §6.1, MUST take for faulty",
    ours: "refused 4xx",
    theirs: "served 1",
    haproxy: ["coding in HTTP/1.0"],
  },
  {
    name: "codings that don't end in one chunked: 400, or 501",
    rule: "RFC 9112 §6.3 rule 4, §6.1",
    ours: "refused 4xx",
    theirs: "refused 5xx",
    nginx: [
      "chunked, chunked",
      "chunked, gzip",
      "coding in quotes",
      "coding with a parameter",
      "control before the coding",
      "empty coding",
      "identity",
      "unknown coding",
    ],
  },
  {
    name: "codings in front of chunked: 501, or 4xx",
    rule: "RFC 9112 §6.1, SHOULD 501",
    ours: "refused 5xx",
    theirs: "refused 4xx",
    haproxy: ["gzip, chunked", "comma before the coding", "control before the coding"],
  },
  {
    name: "we take chunk lines in one form only",
    rule: "RFC 9112 §7.1, §2.2",
    ...stricter,
    ...both(
      "chunk ended by LF",
      "chunk size ended by LF",
      "chunk size of 40 zeros",
      "chunk size with a blank behind",
      "chunk size with a tab behind",
      "last chunk ended by LF",
      "trailers ended by LF",
    ),
  },
  {
    name: "we bound chunk extensions and take no controls in them",
    rule: "RFC 9112 §7.1.1, ought to limit",
    ...stricter,
    ...both("chunk extension of 1 KB", "chunk extension with NUL"),
  },
  {
    // No sender of such blanks is known, and readers have disagreed about them.
    name: "we take no bad blanks in chunk lines, against the letter",
    rule: "RFC 9112 §7.1.1, RFC 9110 §5.6.3, MUST",
    ...stricter,
    ...both("chunk extension with a blank before"),
  },
  {
    name: "we read trailers as strictly as fields",
    rule: "RFC 9112 §7.1.2, §5",
    ...stricter,
    nginx: ["trailer folded", "trailer with LF", "trailer with a control", "trailer without a colon"],
    haproxy: ["trailer folded", "trailer with LF", "trailer with a control"],
  },
  {
    name: "we take single blanks in a request line only",
    rule: "RFC 9112 §3, MAY be lenient",
    ...stricter,
    nginx: ["two blanks", "blank behind the version"],
    haproxy: ["two blanks", "tab in the request line"],
  },
  {
    name: "we take no characters in a target that it can't have",
    rule: "RFC 9112 §3.2, RFC 3986 §3.3",
    ...stricter,
    nginx: ["target with a fragment", "target above ASCII"],
    haproxy: ["target with a control"],
  },
  {
    name: "* is for OPTIONS",
    rule: "RFC 9112 §3.2.4",
    ...stricter,
    haproxy: ["asterisk with GET"],
  },
  {
    name: "* is refused altogether by them",
    rule: "RFC 9112 §3.2.4",
    ours: "served 2",
    theirs: "refused 4xx",
    nginx: ["asterisk"],
  },
  {
    name: "a target with %00 is the backend's matter",
    rule: "RFC 3986 §2.1, §7.3",
    ours: "served 2",
    theirs: "refused 4xx",
    nginx: ["escaped target"],
  },
  {
    name: "a method is any token",
    rule: "RFC 9110 §9.1",
    ours: "served 2",
    theirs: "refused 4xx",
    nginx: ["another method"],
  },
  {
    name: "the same, in what follows a request",
    rule: "RFC 9110 §9.1",
    ours: "served 2",
    theirs: "served 1, refused 4xx",
    nginx: ["body longer than said", "body without framing"],
  },
  {
    name: "tabs around values are blanks",
    rule: "RFC 9110 §5.6.3",
    ours: "served 2",
    theirs: "refused 4xx",
    nginx: ["blanks around values"],
  },
  {
    name: "we refuse CONNECT and TRACE",
    rule: "RFC 9110 §9.3.6, §9.3.8, §15.6.2",
    ours: "refused 5xx",
    theirs: "served 2",
    haproxy: ["CONNECT", "TRACE"],
  },
  {
    name: "the same, with 501 or 4xx",
    rule: "RFC 9110 §15.5.6, §15.6.2",
    ours: "refused 5xx",
    theirs: "refused 4xx",
    nginx: ["CONNECT", "TRACE"],
  },
  {
    name: "we refuse other major versions in this form",
    rule: "RFC 9110 §15.6.6",
    ours: "refused 5xx",
    theirs: "served 2",
    haproxy: ["HTTP/2.0", "HTTP/3.0"],
  },
  {
    name: "HTTP/2 without ALPN: 505, or 400",
    rule: "RFC 9113 §3.3, RFC 9110 §15.6.6",
    ours: "refused 5xx",
    theirs: "refused 4xx",
    nginx: ["HTTP/2 preface"],
  },
  {
    name: "HTTP/2 without ALPN: we refuse, they speak it",
    rule: "RFC 9113 §3.3",
    ours: "refused 5xx",
    theirs: "silent",
    haproxy: ["HTTP/2 preface"],
  },
  {
    name: "a version has one digit on each side",
    rule: "RFC 9112 §2.3",
    ...stricter,
    nginx: ["version of two digits"],
  },
  {
    name: "the same, with 400 or 505",
    rule: "RFC 9112 §2.3, RFC 9110 §15.6.6",
    ours: "refused 4xx",
    theirs: "refused 5xx",
    nginx: ["version of two digits"],
  },
  {
    name: "we don't speak HTTP/0.9",
    rule: "RFC 9112 §2.3",
    ours: "refused 4xx",
    theirs: "silent, 1 seen",
    nginx: ["HTTP/0.9"],
  },
  {
    name: "we refuse what isn't one sound Host",
    rule: "RFC 9112 §3.2, MUST",
    ...stricter,
    nginx: ["Host with a user", "Host with an odd port"],
    haproxy: [
      "no Host",
      "two Hosts",
      "empty Host",
      "list of Hosts",
      "Host with a blank",
      "Host with a path",
      "Host with a user",
      "Host with an odd port",
    ],
  },
  {
    name: "we answer for the connection's name only",
    rule: "RFC 9110 §7.4, §15.5.20",
    ...stricter,
    ...both("Host of another"),
  },
  {
    name: "we refuse a target that contradicts Host",
    rule: "RFC 9112 §3.2.2",
    ...stricter,
    nginx: ["absolute form of another host"],
  },
  {
    name: "we answer for https only on a TLS connection",
    rule: "RFC 9110 §7.4",
    ...stricter,
    ...both("absolute form of plain http", "absolute form of another scheme"),
  },
  {
    name: "we refuse URIs without host or with user",
    rule: "RFC 9110 §4.2.2, §4.2.4",
    ...stricter,
    haproxy: ["absolute form of no host", "absolute form with a user"],
  },
  {
    name: "we refuse expectations that we can't meet",
    rule: "RFC 9110 §10.1.1, MAY",
    ...stricter,
    ...both("unknown expectation", "expectation of two"),
  },
  {
    name: "each has limits of its own for heads",
    rule: "RFC 9110 §5.4, RFC 6585 §5",
    ...stricter,
    nginx: ["150 fields", "head of 40 KB"],
  },
  {
    name: "an unfinished request ends in 408, or in nothing",
    rule: "RFC 9110 §15.5.9",
    ours: "refused 4xx",
    theirs: "silent",
    nginx: ["head without an end", "body shorter than said", "chunks without an end"],
  },
  {
    name: "an unfinished body ends in 408, or in 504",
    rule: "RFC 9110 §15.5.9, §15.6.5",
    ours: "refused 4xx",
    theirs: "refused 5xx",
    haproxy: ["body shorter than said", "chunks without an end"],
  },
];
