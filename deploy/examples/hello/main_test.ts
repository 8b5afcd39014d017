import { equal } from "node:assert/strict";
import { answer } from "./main.ts";

const requests: [method: string, path: string, status: number, body: string][] = [
  ["GET", "/", 200, "Hello, world!\n"],
  ["GET", "/kyle", 200, "Hello, kyle!\n"],
  ["GET", "/J%C3%BCrgen", 200, "Hello, Jürgen!\n"],
  ["GET", "/healthz", 200, "ok\n"],
  ["GET", "/%ff", 400, "That name can't be read\n"],
  ["POST", "/", 405, "Only GET\n"],
];
for (const [method, path, status, body] of requests) {
  Deno.test(`hello answers ${method} ${path}`, async () => {
    const response = answer(new Request(`http://localhost${path}`, { method }));
    equal(response.status, status);
    equal(await response.text(), body);
  });
}
