import text from "./lifeline.js" with { type: "text" };

/** The lifeline's source for a program that may write these folders. */
export function lifelineSource(folders: readonly string[]): string {
  return `const folders = ${JSON.stringify(folders)};\n${text}`;
}
