/** A program of the frame, as small as one can be, for run_test.ts. */
import { defineConfig, integer, path } from "@lib/config/mod.ts";
import { openDatabase } from "@lib/db/mod.ts";
import { logSection, runProgram } from "../mod.ts";

const schema = defineConfig({
  ...logSection(),
  sample: { fail: integer(0, "1: starting fails"), database: path("sample.db", "its database") },
});

await runProgram({
  name: "sample",
  schema,
  sandbox: { program: "sample", write: ["sample.database"] },
  database: (config) => config.sample.database,
  start: ({ config, log }) => {
    if (config.sample.fail === 1) throw new Error("told to fail");
    const db = openDatabase({
      path: config.sample.database,
      migrations: [{ name: "001_t", sql: "CREATE TABLE t (a INTEGER) STRICT" }],
      durability: "normal",
    });
    return Promise.resolve({
      health: () => ({ status: "serving" as const, reasons: [] }),
      [Symbol.asyncDispose]: () => {
        db.close();
        log.info("let go");
        return Promise.resolve();
      },
    });
  },
  verbs: {
    "count words": {
      summary: "count",
      flags: { text: "TEXT" },
      lists: { also: "TEXT" },
      run: (_, { text = "" }, { also = [] }) => {
        console.log([text, ...also].join(" ").split(" ").length);
        return 0;
      },
    },
  },
}, Deno.args);
