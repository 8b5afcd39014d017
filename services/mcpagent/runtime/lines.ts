/** Longer lines are cut into pieces of this many characters, so that a program can't fill the agent's memory. */
const maxLineLength = 16 * 1024;

/** Reads a stream to its end and hands on whole lines, without their ends; the last one also when it isn't ended. */
export async function splitLines(
  stream: ReadableStream<Uint8Array>,
  onLines: (lines: string[]) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      while (rest.length > maxLineLength) {
        lines.push(rest.slice(0, maxLineLength));
        rest = rest.slice(maxLineLength);
      }
      if (lines.length > 0) onLines(lines);
    }
  } catch {
    // The pipe broke with the process; what came before is handed on.
  }
  if (rest !== "") onLines([rest]);
}
