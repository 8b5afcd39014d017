-- Times are ms since the epoch; digests are texts, "sha256:…".

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL -- last push or delete
) STRICT;

-- A row says that the file is whole and synced under layers/.
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where a blob may be pulled from.
CREATE TABLE repository_blobs (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL REFERENCES blobs (digest),
  linked_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blobs_digest ON repository_blobs (digest);

CREATE TABLE manifests (
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  artifact_type TEXT,
  subject TEXT, -- digest of what it is attached to, which need not exist
  annotations TEXT NOT NULL, -- JSON object of strings
  size INTEGER NOT NULL,
  body BLOB NOT NULL, -- as pushed, byte for byte
  pushed_at INTEGER NOT NULL,
  pushed_by TEXT NOT NULL,
  UNIQUE (repository_id, digest)
) STRICT;
CREATE INDEX manifests_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;

-- The second foreign key is the promise that a pushed image can be pulled.
CREATE TABLE manifest_blobs (
  manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (manifest_id, digest),
  FOREIGN KEY (repository_id, digest) REFERENCES repository_blobs (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_blobs_digest ON manifest_blobs (repository_id, digest);

-- Manifests that an index lists.
CREATE TABLE manifest_children (
  manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  PRIMARY KEY (manifest_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  name TEXT NOT NULL,
  manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;
-- OCI distribution 1.1, "Listing Tags": case-insensitive alphanumeric order.
CREATE INDEX tags_listing ON tags (repository_id, lower(name), name);
CREATE INDEX tags_manifest ON tags (manifest_id);

-- Uploads in progress; what has arrived is in uploads/<id>, whose size is the offset.
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  account TEXT NOT NULL,
  algorithm TEXT NOT NULL CHECK (algorithm IN ('sha256', 'sha512')),
  started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
