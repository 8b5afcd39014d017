CREATE TABLE accounts (
  id TEXT PRIMARY KEY, -- UUID
  username TEXT NOT NULL UNIQUE, -- of deleted accounts too: a name is never used again
  type TEXT NOT NULL CHECK (type IN ('human', 'system')),
  status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
  password_hash TEXT, -- PHC string; NULL for system and deleted accounts
  created_at INTEGER NOT NULL, -- ms since the epoch, as every time here
  updated_at INTEGER NOT NULL,
  CHECK (type = 'human' OR password_hash IS NULL)
) STRICT;

CREATE TABLE account_roles (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  role TEXT NOT NULL CHECK (role IN ('admin', 'user', 'guest')),
  PRIMARY KEY (account_id, role)
) STRICT, WITHOUT ROWID;

-- Every token that was ever issued, without the token itself; rows go some time after expiry.
CREATE TABLE tokens (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, -- order of issue
  jti TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  description TEXT NOT NULL
) STRICT;
CREATE INDEX tokens_account ON tokens (account_id, sequence);
CREATE INDEX tokens_expires ON tokens (expires_at);

-- One row: how the master key is derived, and a sealed constant that tells a wrong one.
CREATE TABLE master_key (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  source TEXT NOT NULL CHECK (source IN ('file', 'passphrase')),
  salt BLOB NOT NULL, -- of the passphrase
  memory_kib INTEGER NOT NULL,
  passes INTEGER NOT NULL,
  lanes INTEGER NOT NULL,
  sealed_check BLOB NOT NULL
) STRICT;

CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY,
  public_jwk TEXT NOT NULL,
  sealed_private BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  retired_at INTEGER -- signs no more; still verifies what it signed
) STRICT;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;

-- Wrong passwords per account name and per address. The key is a SHA-256: what
-- somebody typed as a name may have been a password.
CREATE TABLE login_failures (
  kind TEXT NOT NULL CHECK (kind IN ('account', 'address')),
  key TEXT NOT NULL,
  count INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_failures_last ON login_failures (last_at);
