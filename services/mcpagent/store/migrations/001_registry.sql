-- What this node is to run, and what it holds for it.

CREATE TABLE services (
  name            TEXT PRIMARY KEY,
  -- What the operator wants: 'running' or 'stopped'.
  desired         TEXT NOT NULL CHECK (desired IN ('running', 'stopped')),
  -- The committed release, JSON (domain/release.ts).
  release         TEXT NOT NULL CHECK (json_valid(release)),
  -- 1: defined by a file of the node's platform folder.
  platform        INTEGER NOT NULL CHECK (platform IN (0, 1)),
  -- SHA-256 of that file when it was last looked at, hex; '' for others.
  platform_sha256 TEXT NOT NULL,
  -- Milliseconds since the epoch.
  deployed_at     INTEGER NOT NULL,
  deployed_by     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Ports, routes, records and certificates, written before they are made and removed after they are gone.
-- Held by a service that may not be in `services` (yet): its first deploy is under way or was cut off.
CREATE TABLE claims (
  kind       TEXT NOT NULL CHECK (kind IN ('port', 'route', 'record', 'certificate')),
  key        TEXT NOT NULL,
  service    TEXT NOT NULL,
  -- JSON (domain/release.ts, Claim).
  claim      TEXT NOT NULL CHECK (json_valid(claim)),
  claimed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_of_service ON claims (service);

-- One row a deploy; a 'running' one at start was cut off and is undone.
CREATE TABLE deploys (
  id          INTEGER PRIMARY KEY,
  service     TEXT NOT NULL,
  definition  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
  started_at  INTEGER NOT NULL,
  finished_at INTEGER,
  error       TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX deploys_running ON deploys (state) WHERE state = 'running';

CREATE TABLE events (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  service   TEXT NOT NULL,
  component TEXT NOT NULL,
  kind      TEXT NOT NULL,
  detail    TEXT NOT NULL,
  actor     TEXT NOT NULL
) STRICT;

CREATE INDEX events_of_service ON events (service, id);
