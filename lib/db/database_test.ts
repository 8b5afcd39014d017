import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { type Database, type Migration, openDatabase } from "./mod.ts";

const notes: Migration = {
  name: "001_notes",
  sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
};
const titles: Migration = { name: "002_titles", sql: "ALTER TABLE notes ADD COLUMN title TEXT NOT NULL DEFAULT ''" };

function inFolder(test: (path: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync();
    try {
      await test(join(folder, "notes.db"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const open = (path: string, migrations: readonly Migration[] = [notes], clock = new FakeClock()): Database =>
  openDatabase({ path, migrations, durability: "full", clock });

const count = (db: Database): number => db.prepare<{ n: number }>("SELECT count(*) AS n FROM notes").get()!.n;

/** Runs and returns what it throws. */
function failure(work: () => unknown): PlatformError {
  try {
    work();
  } catch (error) {
    assert(error instanceof PlatformError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test(
  "openDatabase applies migrations once and in order, and again changes nothing",
  inFolder((path) => {
    open(path).close();
    for (let i = 0; i < 2; i++) {
      using db = open(path, [titles, notes]);
      db.write(() => db.prepare("INSERT INTO notes (text, title) VALUES ('a', 'b')").run());
      assert.equal(count(db), i + 1);
    }
    using db = open(path, [titles, notes]);
    db.write(() => db.prepare("INSERT INTO notes (text) VALUES ('a')").run());
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      assert.equal(Deno.statSync(file).mode! & 0o777, 0o600, file);
    }
  }),
);

Deno.test(
  "openDatabase refuses a file of a newer program and an edited migration",
  inFolder((path) => {
    open(path, [notes, titles]).close();
    const newer = failure(() => open(path, [notes]));
    assert.equal(newer.code, "conflict");
    assert.match(newer.message, /is of a newer version: it has migration 002_titles/);
    const edited = failure(() => open(path, [notes, { ...titles, sql: "SELECT 1" }]));
    assert.match(edited.message, /migration 002_titles differs from the one that was applied/);
  }),
);

Deno.test(
  "openDatabase tells why a migration failed, also when SQLite has rolled it back by itself",
  inFolder((path) => {
    // As it does when the disk is full.
    const undone: Migration = {
      name: "002_undone",
      sql: "INSERT INTO notes (id, text) VALUES (1, 'a'); INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'b')",
    };
    assert.throws(() => open(path, [notes, undone]), /UNIQUE constraint failed/);
    using db = open(path, [notes]);
    assert.equal(count(db), 0);
  }),
);

Deno.test(
  "openDatabase leaves nothing of a migration that fails half way",
  inFolder((path) => {
    const broken: Migration = {
      name: "002_broken",
      sql: "CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER)",
    };
    assert.throws(() => open(path, [notes, broken]), /already exists/);
    using db = open(path, [notes]);
    assert.equal(db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get(), undefined);
  }),
);

const damages: [title: string, harm: (path: string) => void][] = [
  [
    "that is no database",
    (path) => Deno.writeTextFileSync(path, "not a database at all, but long enough to be read\n".repeat(40)),
  ],
  ["whose pages are overwritten", (path) => {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(4096, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(16_384).fill(0xa5));
  }],
];
for (const [title, harm] of damages) {
  Deno.test(
    `openDatabase refuses a file ${title}, and names it and the way out`,
    inFolder((path) => {
      const db = open(path);
      db.write(() => {
        const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
        for (let i = 0; i < 2000; i++) insert.run("x".repeat(50));
      });
      db.close();
      harm(path);
      const error = failure(() => open(path));
      assert.equal(error.code, "unavailable");
      assert(error.message.startsWith(`Database ${path} is damaged: `), error.message);
      assert.match(error.hint ?? "", /restore the last snapshot/);
    }),
  );
}

Deno.test(
  "Database.writeAhead commits as write does, without waiting for the disk that once",
  inFolder((path) => {
    using db = open(path, [notes]);
    const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
    // Prepared anew: the value is read then.
    const synchronous = () => db.prepare<{ synchronous: number }>("PRAGMA synchronous").get()!.synchronous;
    const [normal, full] = [1, 2];
    db.writeAhead(() => {
      insert.run("a");
      assert.equal(synchronous(), normal);
    });
    assert.throws(() =>
      db.writeAhead(() => {
        insert.run("b");
        throw new Error("no");
      }), /^Error: no$/);
    assert.equal(synchronous(), full);
    assert.equal(count(db), 1);
  }),
);

Deno.test(
  "Database.write hands out one timestamp, commits what returns and rolls back what throws",
  inFolder((path) => {
    const clock = new FakeClock(1000);
    using db = open(path, [notes], clock);
    const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
    assert.equal(db.write((at) => (insert.run("a"), at)), 1000);
    assert.throws(() =>
      db.write(() => {
        insert.run("b");
        throw new Error("no");
      }), /^Error: no$/);
    assert.throws(() => db.write(() => db.write(() => 1)), /open already/);
    assert.throws(() => db.write(() => Promise.resolve()), /synchronous/);
    assert.equal(count(db), 1);
  }),
);

Deno.test(
  "Database.write says that the disk is full, changes nothing, and works again afterwards",
  inFolder((path) => {
    using db = open(path);
    db.prepare("PRAGMA max_page_count = 6").get();
    const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
    const error = failure(() =>
      db.write(() => {
        insert.run("small");
        insert.run("x".repeat(100_000));
      })
    );
    assert.equal(error.code, "unavailable");
    assert.match(error.message, /^The disk that holds .* is full: nothing was changed$/);
    assert.equal(count(db), 0);
    db.write(() => insert.run("small"));
    assert.equal(count(db), 1);
  }),
);

Deno.test(
  "Database.dataVersion changes when another connection commits, and only then",
  inFolder((path) => {
    using one = open(path);
    using other = open(path);
    const before = one.dataVersion();
    one.write(() => one.prepare("INSERT INTO notes (text) VALUES ('mine')").run());
    assert.equal(one.dataVersion(), before);
    other.write(() => other.prepare("INSERT INTO notes (text) VALUES ('theirs')").run());
    assert.notEqual(one.dataVersion(), before);
  }),
);

Deno.test(
  "Database.backup copies what is committed while the database is in use",
  inFolder(async (path) => {
    using db = open(path);
    db.write(() => db.prepare("INSERT INTO notes (text) VALUES ('kept')").run());
    await db.backup(`${path}.copy`);
    db.write(() => db.prepare("DELETE FROM notes").run());
    using copy = open(`${path}.copy`);
    assert.equal(count(copy), 1);
    assert.deepEqual(copy.check(), []);
  }),
);

Deno.test(
  "Database.read sees one state whatever others commit, and ends with what it throws",
  inFolder((path) => {
    using db = open(path);
    using other = open(path);
    const add = () => other.write(() => other.prepare("INSERT INTO notes (text) VALUES ('a')").run());
    add();
    const seen = db.read(() => {
      const before = count(db);
      add();
      return [before, count(db)];
    });
    assert.deepEqual(seen, [1, 1]);
    assert.throws(() => db.read(() => assert.fail("out")), /out/);
    assert.equal(count(db), 2);
    // Inside a write it is the write's own state.
    db.write(() => {
      db.prepare("INSERT INTO notes (text) VALUES ('b')").run();
      assert.equal(db.read(() => count(db)), 3);
    });
    assert.equal(count(db), 3);
  }),
);

Deno.test(
  "Database.prepareArrays gives rows as arrays in the order of the columns",
  inFolder((path) => {
    using db = open(path);
    db.write(() => db.prepare("INSERT INTO notes (text) VALUES ('a'), ('b')").run());
    const rows = db.prepareArrays<[text: string, id: number]>("SELECT text, id FROM notes ORDER BY id").all();
    assert.deepEqual(rows, [["a", 1], ["b", 2]]);
  }),
);
