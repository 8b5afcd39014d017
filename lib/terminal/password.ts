import { invalid } from "@lib/errors/mod.ts";

/**
 * Asks for a password on the terminal without showing it. Throws Invalid when standard input is not
 * a terminal (scripts pass a file instead) or the answer is empty; Ctrl-C ends the question the same way.
 */
export async function askPassword(question: string): Promise<string> {
  if (!Deno.stdin.isTerminal()) {
    throw invalid("password", "standard input is not a terminal", { hint: "Give the password by --password-file." });
  }
  const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  say(question);
  Deno.stdin.setRaw(true);
  try {
    const typed: string[] = [];
    const decoder = new TextDecoder();
    const bytes = new Uint8Array(256);
    for (;;) {
      const count = await Deno.stdin.read(bytes);
      if (count === null) break;
      for (const character of decoder.decode(bytes.subarray(0, count), { stream: true })) {
        if (character === "\r" || character === "\n") {
          if (typed.length === 0) throw invalid("password", "must not be empty");
          return typed.join("");
        }
        if (character === "\u0003" || character === "\u0004") throw invalid("password", "the question was broken off");
        if (character === "\u007f" || character === "\b") typed.pop();
        else typed.push(character);
      }
    }
    throw invalid("password", "standard input ended");
  } finally {
    Deno.stdin.setRaw(false);
    say("\n");
  }
}
