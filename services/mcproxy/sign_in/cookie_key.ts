/**
 * The key that seals sign-in cookies: one file for all processes of a proxy, so that a cookie that one has given is good
 * for the others, and after a restart.
 * @module
 */

const keyBytes = 32;

/**
 * The key in that file, made (mode 0600) when there is none yet. Of processes that make it at once all get the same.
 * @throws when the file can't be read or written
 */
export function cookieKey(path: string): Uint8Array {
  using file = Deno.openSync(path, { create: true, read: true, write: true, mode: 0o600 });
  // The kernel's lock, which ends with the file: whoever comes second reads what the first has written.
  file.lockSync(true);
  const key = new Uint8Array(keyBytes);
  let length = 0;
  for (let count = file.readSync(key); count !== null && count > 0; count = file.readSync(key.subarray(length))) {
    length += count;
    if (length === keyBytes) return key;
  }
  // It is new, or a crash has cut the first write short.
  crypto.getRandomValues(key);
  file.truncateSync();
  file.seekSync(0, Deno.SeekMode.Start);
  for (let at = 0; at < keyBytes;) at += file.writeSync(key.subarray(at));
  file.syncSync();
  return key;
}
