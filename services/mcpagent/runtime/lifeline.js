// Runs in every program before the program itself. The agent holds the other end of standard input and never
// writes to it; when the agent ends, however it ends, the pipe closes and the program ends too. Without
// this a program whose agent was killed would keep its ports and nobody could stop it.
//
// The agent puts `const folders = […];` above: the folders that the program may write, made here because here is
// the right to make them. Nothing else is needed: no permission, no variable.
import { Socket } from "node:net";

for (const folder of folders) {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // A volume may be a file, and what can't be made is the program's to complain about.
  }
}

const agent = new Socket({ fd: 0, readable: true, writable: false });
agent.on("data", () => {});
agent.on("error", () => {});
agent.once("close", () => {
  // A program that drains says so by preventDefault and has five seconds; another is ended shortly.
  const drains = !globalThis.dispatchEvent(new Event("metacircular:stop", { cancelable: true }));
  // 143 is what a shell shows for SIGTERM (128 + 15).
  setTimeout(() => Deno.exit(143), drains ? 5_000 : 500);
});
agent.resume();
// The pipe alone must not keep a program running that has nothing left to do.
agent.unref();
