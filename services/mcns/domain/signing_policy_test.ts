import assert from "node:assert/strict";
import { defaultSigningPolicy, parseSigningPolicy, signatureTimes, type SigningPolicy } from "./signing_policy.ts";

const unset: SigningPolicy = {
  algorithm: "ed25519",
  denial: "nsec3",
  splitKeys: true,
  signatureSeconds: 0,
  zskLifetimeSeconds: 0,
  kskLifetimeSeconds: 0,
  propagationSeconds: 0,
  dsTtlSeconds: 0,
};

Deno.test("parseSigningPolicy fills in the defaults for zeros", () => {
  assert.deepEqual(parseSigningPolicy(unset), {
    ...defaultSigningPolicy,
    algorithm: "ed25519",
    denial: "nsec3",
    splitKeys: true,
  });
});

Deno.test("parseSigningPolicy refuses durations outside their limits, naming field, limits and value", () => {
  const rows: [Partial<SigningPolicy>, string][] = [
    [
      { signatureSeconds: 59 },
      'signature_seconds: must be seconds from 60 to 31622400, or 0 for the default, got "59"',
    ],
    [
      { signatureSeconds: 31_622_401 },
      'signature_seconds: must be seconds from 60 to 31622400, or 0 for the default, got "31622401"',
    ],
    [
      { zskLifetimeSeconds: 1.5 },
      'zsk_lifetime_seconds: must be seconds from 10 to 316224000, or 0 for the default, got "1.5"',
    ],
    [
      { kskLifetimeSeconds: -1 },
      'ksk_lifetime_seconds: must be seconds from 10 to 316224000, or 0 for the default, got "-1"',
    ],
    [
      { propagationSeconds: 2_592_001 },
      'propagation_seconds: must be seconds from 1 to 2592000, or 0 for the default, got "2592001"',
    ],
    [
      { dsTtlSeconds: 2_592_001 },
      'ds_ttl_seconds: must be seconds from 1 to 2592000, or 0 for the default, got "2592001"',
    ],
  ];
  for (const [change, message] of rows) {
    assert.throws(() => parseSigningPolicy({ ...unset, ...change }), { code: "invalid", message });
  }
});

Deno.test("signatureTimes keeps its proportions for signatures of any length", () => {
  const day = 86_400;
  assert.deepEqual(signatureTimes({ ...unset, signatureSeconds: 14 * day }), {
    headStart: 3600,
    lifetime: 14 * day,
    jitter: 2 * day,
    refresh: 5 * day,
    alarm: 2 * day,
  });
  for (const signatureSeconds of [60, 61, 3600, 366 * day]) {
    const { lifetime, jitter, refresh, alarm } = signatureTimes({ ...unset, signatureSeconds });
    assert.ok(lifetime - jitter > refresh, "what was just made is not to be made anew");
    assert.ok(refresh > alarm, "there is time to renew before the alarm");
  }
});
