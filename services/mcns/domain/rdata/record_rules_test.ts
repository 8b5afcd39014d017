/** What callers may not write, type by type, with the words that they are told. */
import assert from "node:assert/strict";
import { exampleOf, formatData, parseData } from "./record_data.ts";
import { typeCode, types, typeText } from "./record_type.ts";

const labels = `labels are letters, digits, "-" and "_", not "-" at either end; ` +
  "any other character is written with a backslash before it";

/** Type and value, message. */
const refused: readonly (readonly [string, string])[] = [
  ["A ::1", 'an A record holds an IPv4 address like 192.0.2.1, got "::1"'],
  ["A 192.0.2.01", 'an A record holds an IPv4 address like 192.0.2.1, got "192.0.2.01"'],
  ["A ", "an A record's IPv4 address is missing; it is written like 192.0.2.1"],
  ["A 192.0.2.1 192.0.2.2", '"192.0.2.2" is too much for an A record; it is written like 192.0.2.1'],
  ["A \\# 3 0A0000", "an A record can't have these octets: its IPv4 address is cut short"],
  ["A \\# 5 0A00000102", "an A record can't have these octets: 1 octet is left over"],
  ["A \\# 4 0A0000", "an A record says that it has 4 octets and has 3"],
  ["A \\# 4 0A0000x1", 'an A record\'s octets are hexadecimal, two digits each, got "0A0000x1"'],
  ["A \\# x", 'an A record\'s number of octets is from 0 to 65535, got "x"'],
  ["AAAA 192.0.2.1", 'an AAAA record holds an IPv6 address like 2001:db8::1, got "192.0.2.1"'],
  ["AAAA fe80::1%eth0", 'an AAAA record holds an IPv6 address like 2001:db8::1, got "fe80::1%eth0"'],
  ["EUI48 00:00:5e:00:53:2a", 'an EUI48 record\'s address is written like 00-00-5e-00-53-2a, got "00:00:5e:00:53:2a"'],
  [
    "EUI64 00-00-5e-00-53-2a",
    'an EUI64 record\'s address is written like 00-00-5e-ef-10-00-00-2a, got "00-00-5e-00-53-2a"',
  ],

  ["CNAME www", 'a CNAME record\'s target is written in full, like www.example.org, got "www"'],
  ["CNAME *.example.org", "a CNAME record's target can't be a wildcard, got \"*.example.org\""],
  [
    "CNAME 192.0.2.1",
    'a CNAME record\'s target is a name; an address stands in an A or AAAA record of that name, got "192.0.2.1"',
  ],
  [
    "CNAME 2001:db8::1",
    'a CNAME record\'s target is a name; an address stands in an A or AAAA record of that name, got "2001:db8::1"',
  ],
  ["CNAME .", 'a CNAME record\'s target can\'t be the root ".", got "."'],
  ["CNAME a..b", `in a CNAME record's target, ${labels}, got "a..b"`],
  ["CNAME @", `in a CNAME record's target, ${labels}, got "@"`],
  [
    "CNAME bücher.example",
    'in a CNAME record\'s target, write non-ASCII labels in their xn-- form, got "bücher.example"',
  ],
  ["CNAME https://example.org/", `in a CNAME record's target, ${labels}, got "https://example.org/"`],
  [
    "CNAME \\# 15 012a076578616d706c65036f726700",
    "a CNAME record's target can't be a wildcard, got \"*.example.org.\"",
  ],
  ["CNAME \\# 2 0161", "a CNAME record can't have these octets: its target is no name"],
  ["ALIAS lb", 'an ALIAS record\'s target is written in full, like www.example.org, got "lb"'],
  ["NS ", "an NS record's name server is missing; it is written like ns1.example.org"],
  ["NS ns1.example.org 192.0.2.1", '"192.0.2.1" is too much for an NS record; it is written like ns1.example.org'],
  [
    "NS 192.0.2.1.",
    'an NS record\'s name server is a name; an address stands in an A or AAAA record of that name, got "192.0.2.1."',
  ],
  ["DNAME .", 'a DNAME record\'s target can\'t be the root ".", got "."'],
  ["PTR host", 'a PTR record\'s host is written in full, like www.example.org, got "host"'],
  [
    "RP admin@example.org .",
    'an RP record\'s mailbox is written as a name, with a dot in place of the "@", got "admin@example.org"',
  ],
  [
    "SOA a.example b.example 1 2 3 4",
    "an SOA record's minimum is missing; it is written like ns1.example.org hostmaster.example.org 2026010100 3600 600 604800 300",
  ],
  [
    "SOA a.example b.example 4294967296 2 3 4 5",
    'an SOA record\'s serial is a number from 0 to 4294967295, got "4294967296"',
  ],
  ["SOA a.example b.example 1 1y 3 4 5", 'an SOA record\'s refresh time is seconds, or a time like 1h30m, got "1y"'],

  ["MX mail.example.org", 'an MX record\'s preference is a number from 0 to 65535, got "mail.example.org"'],
  ["MX 10", "an MX record's mail server is missing; it is written like 10 mail.example.org"],
  ["MX 65536 mail.example.org", 'an MX record\'s preference is a number from 0 to 65535, got "65536"'],
  ["MX -1 mail.example.org", 'an MX record\'s preference is a number from 0 to 65535, got "-1"'],
  ["MX 10 mail", 'an MX record\'s mail server is written in full, like www.example.org, got "mail"'],
  [
    "MX 10 192.0.2.1",
    'an MX record\'s mail server is a name; an address stands in an A or AAAA record of that name, got "192.0.2.1"',
  ],
  ["MX 10 .", "an MX record that says that no mail is taken is written 0 ., got preference 10"],
  ["SRV 0 0 sip.example.org", 'an SRV record\'s port is a number from 0 to 65535, got "sip.example.org"'],
  [
    "SRV 0 0 5060 192.0.2.1",
    'an SRV record\'s target is a name; an address stands in an A or AAAA record of that name, got "192.0.2.1"',
  ],
  ["AFSDB 1 .", 'an AFSDB record\'s host can\'t be the root ".", got "."'],
  ["KX x kx.example.org", 'a KX record\'s preference is a number from 0 to 65535, got "x"'],
  ['NAPTR 1 1 "-" "" "" a.example', 'a NAPTR record\'s flags are letters and digits, got "-"'],
  [
    'NAPTR 1 1 "u" "" "!a!b!" a.example',
    'a NAPTR record has a regular expression or a replacement, not both; write the other as "" or .',
  ],
  [
    'NAPTR 1 1 "u" "" "!a!b" .',
    'a NAPTR record\'s regular expression is written like "!^.*$!sip:info@example.org!", got "!a!b"',
  ],
  ["URI 1 1 www.example.org", 'a URI record\'s target is a URI like "https://www.example.org/", got "www.example.org"'],

  [
    "TXT v=DKIM1; k=rsa",
    "a TXT record's text with spaces or quotation marks in it stands in quotation marks, those inside after a " +
    'backslash, like "v=DKIM1; k=rsa": "v=DKIM1;" stands outside',
  ],
  ['TXT "a', 'the quotation mark before "a" has no partner'],
  ['TXT "\\256"', 'write an octet as a backslash and three digits up to 255, got "\\\\256"'],
  ["TXT a\\", 'write an octet as a backslash and three digits up to 255, got "\\\\"'],
  ["TXT ", 'a TXT record\'s text is missing; it is written like "v=spf1 mx -all"'],
  [`TXT "${"x".repeat(65536)}"`, "a TXT record has at most 65535 octets, got 65794"],
  ["SPF ", 'an SPF record\'s text is missing; it is written like "v=spf1 mx -all"'],
  ["HINFO ARM64", 'an HINFO record\'s system is missing; it is written like "ARM64" "LINUX"'],
  [`HINFO ${"x".repeat(256)} y`, "an HINFO record's CPU has at most 255 octets, got 256"],
  [
    'CAA 1 issue "x.example"',
    "a CAA record's flags are 0, or 128 to forbid issuance by who doesn't know the property, got 1",
  ],
  [
    'CAA 0 isue "letsencrypt.org"',
    "a CAA record's property is one of issue, issuewild, issuemail, issuevmc, iodef, contactemail, contactphone, " +
    'got "isue"',
  ],
  [
    'CAA 0 issue "https://letsencrypt.org"',
    'a CAA record\'s issue names a certificate authority, like "letsencrypt.org" or "letsencrypt.org; ' +
    'validationmethods=dns-01", or none: ";", got "https://letsencrypt.org"',
  ],
  [
    'CAA 0 iodef "security@example.org"',
    'a CAA record\'s iodef is a URL to report to, like "mailto:security@example.org", got "security@example.org"',
  ],
  ['CAA 0 contactemail "x"', 'a CAA record\'s contactemail is a mail address, got "x"'],

  [
    "SSHFP 5 2 00",
    "an SSHFP record's algorithm is one of 1 (RSA), 2 (DSA), 3 (ECDSA), 4 (Ed25519), 6 (Ed448), got 5",
  ],
  [
    "SSHFP 4 2 0011",
    "an SSHFP record's digest has 32 octets (64 hexadecimal digits) with fingerprint type 2 (SHA-256), got 2",
  ],
  ["SSHFP 4 3 00", "an SSHFP record's fingerprint type is one of 1 (SHA-1), 2 (SHA-256), got 3"],
  ["SSHFP 4 2 SHA256:x", 'an SSHFP record\'s digest is hexadecimal, two digits for each octet, got "SHA256:x"'],
  [
    "TLSA 4 1 1 00",
    "a TLSA record's usage is one of 0 (PKIX-TA), 1 (PKIX-EE), 2 (DANE-TA), 3 (DANE-EE), got 4",
  ],
  ["TLSA 3 2 1 00", "a TLSA record's selector is one of 0 (whole certificate), 1 (public key), got 2"],
  ["TLSA 3 1 3 00", "a TLSA record's matching type is one of 1 (SHA-256), 2 (SHA-512), got 3"],
  [
    "TLSA 3 1 1 00",
    "a TLSA record's digest has 32 octets (64 hexadecimal digits) with matching type 1 (SHA-256), got 1",
  ],
  ["TLSA 3 1 0", `a TLSA record's association data is missing; it is written like ${exampleOf(types.TLSA)}`],
  [
    "SMIMEA 3 1 2 00",
    "an SMIMEA record's digest has 64 octets (128 hexadecimal digits) with matching type 2 (SHA-512), got 1",
  ],
  ["OPENPGPKEY A", 'an OPENPGPKEY record\'s public key is base64, got "A"'],
  ["CERT 1 0 0 !", 'a CERT record\'s certificate is base64, got "!"'],
  ["DHCID AA==", "a DHCID record's digest has at least 3 octets, got 1"],
  ["DS 1 13 2 00", "a DS record's digest has 32 octets (64 hexadecimal digits) with digest type 2 (SHA-256), got 1"],
  ["DS 1 0 2 00", "a DS record's algorithm is that of the key, never 0"],
  ["DS 1 FOO 2 00", 'a DS record\'s algorithm is a number from 0 to 255, got "FOO"'],
  [
    "DS 1 13 9 00",
    "a DS record's digest type is one of 1 (SHA-1), 2 (SHA-256), 3 (GOST R 34.11-94), 4 (SHA-384), " +
    "5 (GOST R 34.11-2012), 6 (SM3), got 9",
  ],
  ["CDS 1 0 0 00", "a CDS record that asks for removal is written 0 0 0 00"],
  ["DNSKEY 257 2 13 AA==", "a DNSKEY record's protocol is 3 (RFC 4034 §2.1.2), got 2"],
  ["DNSKEY 0 3 0 AA==", "a DNSKEY record's algorithm is that of the key, never 0"],
  ["DNSKEY 512 3 13 AA==", "a DNSKEY record's flags are 256 or 257, got 512"],
  [
    "CDNSKEY 257 3 0 AA==",
    "a CDNSKEY record's algorithm is that of the key, never 0; one that asks for removal is written 0 3 0 AA==",
  ],

  [
    "RRSIG FOO 13 3 300 1 1 1 a.example q1OuCg==",
    'an RRSIG record\'s type covered is a name like A, or TYPE and a number, got "FOO"',
  ],
  [
    "RRSIG A 13 3 300 20260230000000 1 1 a.example q1OuCg==",
    'an RRSIG record\'s expiration is a UTC time like 20260131120000, got "20260230000000"',
  ],
  ["NSEC a.example A FOO", 'an NSEC record\'s types are names like A, or TYPE and a number, got "FOO"'],
  ["NSEC3 1 0 0 x 00 A", 'an NSEC3 record\'s salt is hexadecimal, or - for none, got "x"'],
  ["NSEC3 1 0 0 - W0 A", 'an NSEC3 record\'s next hash is base32 without padding, got "W0"'],
  ["NSEC3PARAM 1 0 0 ABC", 'an NSEC3PARAM record\'s salt is hexadecimal, or - for none, got "ABC"'],
  ["CSYNC 1 65536 A", 'a CSYNC record\'s flags is a number from 0 to 65535, got "65536"'],
  ["ZONEMD 1 1 1 00", "a ZONEMD record's digest has at least 12 octets, got 1"],

  ["SVCB 1 . port", 'an SVCB record\'s port is written like port=8443, got ""'],
  ["SVCB 1 . port=65536", 'an SVCB record\'s port is written like port=8443, got "65536"'],
  ["SVCB 1 . alpn=", 'an SVCB record\'s alpn is written like alpn="h2,h3", got ""'],
  ["SVCB 1 . alpn=h2,,h3", 'an SVCB record\'s alpn is written like alpn="h2,h3", got "h2,,h3"'],
  ["SVCB 1 . alpn=h2 alpn=h3", "an SVCB record has parameter alpn twice"],
  ["SVCB 1 . alpn=h2 key1=x", 'an SVCB record\'s key1 has the octets of its value, got "x"'],
  ["SVCB 1 . no-default-alpn", 'an SVCB record with no-default-alpn lists its protocols, like alpn="h2"'],
  ["SVCB 1 . alpn=h2 no-default-alpn=1", 'an SVCB record\'s no-default-alpn has no value, got "1"'],
  [
    "SVCB 1 . mandatory=port",
    "an SVCB record's mandatory parameter port is missing; add it, or leave it out of mandatory",
  ],
  [
    "SVCB 1 . port=1 mandatory=port,port",
    'an SVCB record\'s mandatory is written like mandatory=alpn,ipv4hint, got "port,port"',
  ],
  [
    "SVCB 1 . port=1 mandatory=mandatory",
    'an SVCB record\'s mandatory is written like mandatory=alpn,ipv4hint, got "mandatory"',
  ],
  ["SVCB 1 . ipv4hint=::1", 'an SVCB record\'s ipv4hint is written like ipv4hint=192.0.2.1,192.0.2.2, got "::1"'],
  ["SVCB 1 . ipv6hint=", 'an SVCB record\'s ipv6hint is written like ipv6hint=2001:db8::1, got ""'],
  ["SVCB 1 . ech=!", 'an SVCB record\'s ech is written like ech=AEX+DQ…, got "!"'],
  [
    "SVCB 1 . dohpath=/dns-query",
    'an SVCB record\'s dohpath is a path with the variable dns, like "/dns-query{?dns}", got "/dns-query"',
  ],
  [
    "SVCB 1 . foo=1",
    "an SVCB record's parameters are written key=value with a key of mandatory, alpn, no-default-alpn, port, ipv4hint, " +
    'ech, ipv6hint, dohpath, ohttp, or key and a number, got "foo=1"',
  ],
  [
    "HTTPS 0 a.example alpn=h2",
    "an HTTPS record of priority 0 is an alias and has no parameters; give it a priority from 1",
  ],
  ["HTTPS 1 . key65535=x", "an HTTPS record's key65535 is reserved; leave it out"],
  ["HTTPS 1 foo", 'an HTTPS record\'s target is written in full, like www.example.org, got "foo"'],

  ["LOC 91 N 0 E 0", 'a LOC record\'s latitude is degrees up to 90, minutes, seconds and N or S, got "91 N"'],
  ["LOC 1 60 N 0 E 0", 'a LOC record\'s latitude is degrees up to 90, minutes, seconds and N or S, got "1 60 N"'],
  [
    "LOC 1 2 3.0004 N 0 E 0",
    'a LOC record\'s latitude is degrees up to 90, minutes, seconds and N or S, got "1 2 3.0004 N"',
  ],
  [
    "LOC 1 2 N 1 2 3 4 5 0",
    'a LOC record\'s longitude is degrees up to 180, minutes, seconds and E or W, got "1 2 3 4 5"',
  ],
  ["LOC 1 N 1 E", `a LOC record's altitude is missing; it is written like ${exampleOf(types.LOC)}`],
  ["LOC 1 N 1 E 5km", 'a LOC record\'s altitude is metres from -100000 to 42849672.95, like 12.50m, got "5km"'],
  ["LOC 1 N 1 E 0 90000001m", 'a LOC record\'s size is metres from 0 to 90000000, like 12.50m, got "90000001m"'],

  [
    "TYPE65280 0A000001",
    'write a TYPE65280 record as its number of octets and hexadecimal, like \\# 4 0A000001, got "0A000001"',
  ],
];

Deno.test("parseData refuses what is wrong with each type and says what", () => {
  const tested = new Set<number>();
  for (const [line, message] of refused) {
    const space = line.indexOf(" ");
    const type = typeCode(line.slice(0, space));
    assert.throws(
      () => parseData(type, line.slice(space + 1), { field: "records[0].value" }),
      { code: "invalid", field: "records[0].value", message: `records[0].value: ${message}` },
      line,
    );
    tested.add(type);
  }
  const known = Object.values(types).filter((type) => exampleOf(type) !== undefined);
  assert.deepEqual(known.filter((type) => !tested.has(type)).map(typeText), []);
});

Deno.test("parseData with formOnly takes what other servers have", () => {
  for (
    const [line, written] of [
      ["CNAME *.192.0.2.1", "*.192.0.2.1"],
      ["CNAME www", "www."],
      ["MX 10 .", "10 ."],
      ["TLSA 9 9 9 00", "9 9 9 00"],
      ["DS 1 0 77 00", "1 0 77 00"],
      ["CAA 7 Foo bar", '7 Foo "bar"'],
      ["HTTPS 0 . alpn=h2", '0 . alpn="h2"'],
      ["HTTPS 1 Svc.Example.org", "1 Svc.Example.org"], // its case counts in signatures
      ["MX 1 Mail.Example.org", "1 mail.example.org"], // here it doesn't
    ] as const
  ) {
    const space = line.indexOf(" ");
    const type = typeCode(line.slice(0, space));
    const data = parseData(type, line.slice(space + 1), { formOnly: true });
    assert.equal(formatData(type, data), written);
    assert.equal(parseData(type, formatData(type, data), { formOnly: true }), data);
  }
});
