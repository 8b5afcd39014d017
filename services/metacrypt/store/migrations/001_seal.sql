-- Ways to the master key, each a wrapping of it: 'password' (Argon2id) and 'key_file' (HKDF).
CREATE TABLE seal_slots (
  kind TEXT PRIMARY KEY CHECK (kind IN ('password', 'key_file')),
  -- JSON: how the wrapping key is derived
  derivation TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  created_at INTEGER NOT NULL -- ms since the epoch
) STRICT;

-- Counts deliberate sealings, so that every process on this database seals itself.
CREATE TABLE seal_epoch (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO seal_epoch (id, epoch) VALUES (1, 0);
