// What a program tries that has been taken over. Programs run as one file of plain JavaScript, and so does this. Its
// argument is a JSON object of paths and addresses. It prints an object: by attempt, what came of it ("done") or the words
// of the refusal.
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";

const { own, foreign, foreignModule, socket, host, remote, defaultHost, npm, link } = JSON.parse(Deno.args[0]);

const write = (name, text) => {
  const file = `${own}/${name}`;
  Deno.writeTextFileSync(file, text);
  return `file://${file}`;
};
const dataUrl = (source) => `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
const inWorker = (source) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(dataUrl(source), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
const json = (path) => `import x from "${path}" with { type: "json" }; export default x;`;
const text = (path) => `import x from "${path}" with { type: "text" }; export default x;`;

const attempts = {
  "read another's data": () => Deno.readTextFileSync(foreign),
  "read another's data by node:fs": () => readFileSync(foreign),
  "read another's data by fetch": () => fetch(`file://${foreign}`),
  "list another's folder": () => [...Deno.readDirSync(foreign.replace(/[^/]*$/, ""))],
  "write another's data": () => Deno.writeTextFileSync(foreign, "changed"),
  "remove another's data": () => Deno.removeSync(foreign),
  "open another's database": () => new DatabaseSync(`${foreign}.db`),
  "attach another's database": () =>
    new DatabaseSync(`${own}/own.db`).exec(`ATTACH '${foreign}.db' AS other; CREATE TABLE other.t (a)`),
  "load a library into the database": () =>
    new DatabaseSync(`${own}/own.db`, { allowExtension: true }).loadExtension("/usr/lib/libm.so.6"),
  "link to another's data by symbol": () => Deno.symlinkSync(foreign, `${own}/way-out`),
  "link to another's data": () => Deno.linkSync(foreign, `${own}/way-out`),
  "rename another's data into its own": () => Deno.renameSync(foreign, `${own}/way-out`),
  "read its own code's neighbours": () => [...Deno.readDirSync(new URL("..", import.meta.url))],
  "connect to an undeclared host": () => Deno.connect({ hostname: host, port: 443 }),
  "connect to an undeclared port": () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
  "connect to an undeclared host by node:net": () =>
    new Promise((resolve, reject) => connect(443, host).once("connect", resolve).once("error", reject)),
  "fetch from an undeclared host": () => fetch(`http://${host}/`),
  "send a datagram to an undeclared host": async () => {
    const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    try {
      return await udp.send(new Uint8Array(1), { transport: "udp", hostname: host, port: 53 });
    } finally {
      udp.close();
    }
  },
  "connect to an undeclared unix socket": () => Deno.connect({ transport: "unix", path: socket }),
  "ask the system's resolver": () => Deno.resolveDns("example.org", "A"),
  "listen on an undeclared address": () => Deno.listen({ hostname: "0.0.0.0", port: 0 }),
  "open the inspector": async () => (await import("node:inspector")).open(0, host),
  "spawn": () => new Deno.Command("/bin/sh", { args: ["-c", `touch ${own}/spawned`] }).outputSync(),
  "spawn by node:child_process": () =>
    new Promise((resolve, reject) => {
      spawn("/bin/sh", ["-c", `touch ${own}/spawned`]).once("exit", resolve).once("error", reject);
    }),
  "signal another process": () => Deno.kill(1, "SIGCONT"),
  "load native code": () => Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }),
  "load a native node module": () => process.dlopen({ exports: {} }, "/usr/lib/libm.so.6"),
  "import an npm package": () => import(npm),
  "import an npm package under its bare name": () => import("jose"),
  "import an npm package through a module that it wrote": () => import(write("npm.js", `export * from "${npm}";`)),
  "import an npm package through a data: module": () => import(dataUrl(`export * from "${npm}";`)),
  "import an npm package in a worker": () =>
    inWorker(`import * as all from "${npm}"; postMessage(Object.keys(all).length);`),
  "import a remote module": () => import(remote),
  "import a remote module from a default host": () => import(defaultHost),
  "import a remote module through a data: module": () => import(dataUrl(`export * from "${remote}";`)),
  "import a remote module through a file in its data folder": () =>
    import(write("remote.js", `export * from "${remote}";`)),
  "import another's module": () => import(`file://${foreignModule}`),
  "import another's data through a data: module": () => import(dataUrl(json(`file://${foreign}`))),
  "import another's data through a file in its data folder": () => import(write("json.js", json(foreign))),
  "import another's data as text through a file in its data folder": () => import(write("text.js", text(foreign))),
  "import another's data in a worker": () => inWorker(`import x from "file://${foreign}" with { type: "json" };`),
  "require another's data": () => createRequire(`file://${own}/x.js`)(foreign),
  "read another's data in a data: module": () => import(dataUrl(`Deno.readTextFileSync(${JSON.stringify(foreign)});`)),
  "read another's data in a module in its data folder": () =>
    import(write("read.js", `Deno.readTextFileSync(${JSON.stringify(foreign)});`)),
  "read another's data in a worker": () => inWorker(`Deno.readTextFileSync(${JSON.stringify(foreign)});`),
  "read another's data in a function made of text": () =>
    new Function(`return Deno.readTextFileSync(${JSON.stringify(foreign)})`)(),
  "read its environment": () => Deno.env.get("SECRET"),
  "read its environment by node:process": () => process.env.SECRET,
  "read its environment from /proc": () => Deno.readTextFileSync("/proc/self/environ"),
  "change its environment": () => Deno.env.set("LD_PRELOAD", "/tmp/x.so"),
  "read the machine's name": () => Deno.hostname(),
  "ask for more": async () => {
    const { state } = await Deno.permissions.request({ name: "read" });
    if (state !== "granted") throw new Error(`Requires what it has not: ${state}`);
    return state;
  },
  // The way out that the sandbox leaves: the runtime follows a link that is there already. Programs don't start with one.
  "follow a link that was there before the start": () => Deno.readTextFileSync(link),
};

const results = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    results[name] = { done: String(await attempt()) };
  } catch (error) {
    results[name] = { refused: String(error?.message ?? error) };
  }
}
console.log(JSON.stringify(results));
Deno.exit(0);
