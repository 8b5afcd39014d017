CREATE TABLE mounts (
  name TEXT PRIMARY KEY,
  type TEXT NOT NULL CHECK (type = 'ca'),
  created_at INTEGER NOT NULL -- ms since the epoch
) STRICT;

-- An issuer is requested, then active, and retired when another becomes active.
CREATE TABLE issuers (
  id TEXT PRIMARY KEY, -- UUID
  mount TEXT NOT NULL REFERENCES mounts (name),
  state TEXT NOT NULL CHECK (state IN ('requested', 'active', 'retired')),
  -- {"name": "ECDSA", "namedCurve": "P-256"}: what the wrapped key is
  key_algorithm TEXT NOT NULL,
  csr_pem TEXT NOT NULL,   -- empty when the key was imported with its certificate
  chain_pem TEXT NOT NULL, -- empty until imported; public, served while sealed
  wrapped_key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  imported_at INTEGER
) STRICT;
CREATE UNIQUE INDEX issuers_one_requested ON issuers (mount) WHERE state = 'requested';
CREATE UNIQUE INDEX issuers_one_active ON issuers (mount) WHERE state = 'active';

CREATE TABLE certificates (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mount TEXT NOT NULL REFERENCES mounts (name),
  serial TEXT NOT NULL UNIQUE, -- lower-case hex, 32 digits
  not_after INTEGER NOT NULL,  -- ms since the epoch; repeated inside the record
  record BLOB NOT NULL,        -- encrypted by the barrier, bound to mount and serial
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX certificates_mount ON certificates (mount, id);

-- Finds certificates by name; the names that count are in the record.
CREATE TABLE certificate_names (
  name TEXT NOT NULL,
  certificate_id INTEGER NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (name, certificate_id)
) STRICT, WITHOUT ROWID;
