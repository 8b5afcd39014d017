-- Content that is written aside, in many small transactions, before it becomes a zone's in one (an import): its rows belong
-- to a zone that nobody sees.

ALTER TABLE zones ADD COLUMN staged INTEGER NOT NULL DEFAULT 0; -- 1: not a zone, and updated_at says when it was written to
CREATE INDEX zones_staged ON zones (id) WHERE staged = 1;
