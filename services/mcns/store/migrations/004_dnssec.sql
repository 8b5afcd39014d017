-- Signing: how a zone is signed, and its keys. A zone without a row here is unsigned.

CREATE TABLE signed_zones (
  zone_id INTEGER PRIMARY KEY REFERENCES zones (id) ON DELETE CASCADE,
  algorithm TEXT NOT NULL CHECK (algorithm IN ('ecdsap256sha256', 'ed25519')),
  denial TEXT NOT NULL CHECK (denial IN ('nsec', 'nsec3')),
  split_keys INTEGER NOT NULL,
  signature_seconds INTEGER NOT NULL,
  zsk_lifetime_seconds INTEGER NOT NULL,
  ksk_lifetime_seconds INTEGER NOT NULL,
  propagation_seconds INTEGER NOT NULL,
  ds_ttl_seconds INTEGER NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('building', 'signed', 'leaving', 'left', 'removing')),
  phase_until INTEGER -- ms since the epoch
) STRICT;

-- Times in ms since the epoch; what the states mean is in domain/key_rollover.ts.
CREATE TABLE dnssec_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  zone_id INTEGER NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('ksk', 'zsk', 'csk')),
  algorithm TEXT NOT NULL,
  tag INTEGER NOT NULL,
  public_key BLOB NOT NULL, -- as in the DNSKEY record
  private_key BLOB NOT NULL, -- PKCS #8, sealed (store/key_vault.ts)
  state TEXT NOT NULL CHECK (state IN ('published', 'ready', 'active', 'retired')),
  state_since INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  active_at INTEGER,
  until INTEGER,
  is_replaced INTEGER NOT NULL DEFAULT 0,
  is_compromised INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX dnssec_keys_by_zone ON dnssec_keys (zone_id);
