/** Zone files in messages: a file may be longer than a message. */

/** Characters, all of one octet: far below the 4 MiB that clients of gRPC take, and little that waits for a slow one. */
export const pieceCharacters = 256 * 1024;

/** The text in pieces of at most `length` characters, of whole lines where these are shorter; one, where it is empty. */
export function* piecesOf(text: string, length = pieceCharacters): Generator<string, void, undefined> {
  let start = 0;
  do {
    const lineEnd = start + length >= text.length ? text.length : text.lastIndexOf("\n", start + length - 1) + 1;
    const end = lineEnd > start ? lineEnd : start + length;
    yield text.slice(start, end);
    start = end;
  } while (start < text.length);
}
