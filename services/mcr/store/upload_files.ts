/**
 * What has arrived of uploads in progress: uploads/<id>, hashed while it is
 * written. The file's size is the upload's offset, so nothing is lost with the
 * process but the hash, which is then made anew from the file.
 */
import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { quote, tooLarge } from "@lib/errors/mod.ts";
import { algorithmOf, type Digest, type DigestAlgorithm } from "../domain/digest.ts";
import { RegistryError, uploadUnknown } from "../domain/registry_error.ts";
import type { BlobFiles } from "./blob_files.ts";

/** A body arrives in pieces of up to 64 KiB; written in fours, a 2 GiB layer takes 8,192 writes. */
const writeBytes = 256 * 1024;

interface Progress {
  hash: Hash;
  algorithm: DigestAlgorithm;
  hashedBytes: number;
}

export class UploadFiles {
  readonly #folder: string;
  readonly #blobs: BlobFiles;
  readonly #maxBytes: number;
  readonly #progress = new Map<string, Progress>();
  readonly #taken = new Set<string>();

  /** @param maxBytes of one blob */
  constructor(folder: string, blobs: BlobFiles, maxBytes: number) {
    this.#folder = folder;
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
  }

  /** Begins an upload, with no bytes. */
  async create(id: string, algorithm: DigestAlgorithm): Promise<void> {
    const file = await Deno.open(this.#path(id), { write: true, createNew: true, mode: 0o600 });
    file.close();
    this.#progress.set(id, { hash: createHash(algorithm), algorithm, hashedBytes: 0 });
  }

  /** Bytes that have arrived. @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  async offset(id: string): Promise<number> {
    try {
      return (await Deno.stat(this.#path(id))).size;
    } catch (error) {
      throw error instanceof Deno.errors.NotFound ? uploadUnknown(id) : error;
    }
  }

  /** Whether the upload has a file. */
  async exists(id: string): Promise<boolean> {
    return await Deno.lstat(this.#path(id)).then(() => true, () => false);
  }

  /**
   * The right to write to the upload until it is disposed.
   * @throws RegistryError BLOB_UPLOAD_INVALID, status 409, while another request has it
   */
  take(id: string): Disposable {
    if (this.#taken.has(id)) {
      throw new RegistryError("BLOB_UPLOAD_INVALID", `Another request is writing to upload ${quote(id)}; wait for it`, {
        status: 409,
      });
    }
    this.#taken.add(id);
    return { [Symbol.dispose]: () => this.#taken.delete(id) };
  }

  /** Whether a request of this process writes to the upload. */
  isTaken(id: string): boolean {
    return this.#taken.has(id);
  }

  /**
   * Appends a body. What arrived before the body broke off stays and counts.
   * The caller has taken the upload.
   * @param expectedBytes the body's length when the client announced it; another length takes the whole body back
   * @returns the new offset
   * @throws RegistryError SIZE_INVALID; tooLarge; UNKNOWN, status 507, when the disk is full (the upload is gone then)
   */
  async append(id: string, body: ReadableStream<Uint8Array>, expectedBytes: number | null): Promise<number> {
    const start = await this.offset(id);
    let offset = start;
    try {
      using file = await Deno.open(this.#path(id), { append: true });
      for await (const chunk of gathered(body)) {
        if (offset + chunk.length > this.#maxBytes) throw tooLarge("The blob", this.#maxBytes);
        for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
        this.#note(id, offset, chunk);
        offset += chunk.length;
      }
    } catch (error) {
      await this.#afterFailure(id, error);
      throw error;
    }
    if (expectedBytes !== null && offset - start !== expectedBytes) {
      await Deno.truncate(this.#path(id), start);
      this.#progress.delete(id);
      throw new RegistryError("SIZE_INVALID", `${expectedBytes} bytes were announced and ${offset - start} came`);
    }
    return offset;
  }

  /**
   * Makes the upload the blob of this digest, durably. The caller has taken the upload.
   * @returns its size
   * @throws RegistryError DIGEST_INVALID, and then the upload is gone
   */
  async finish(id: string, digest: Digest): Promise<number> {
    const size = await this.offset(id);
    const actual = await this.#digest(id, algorithmOf(digest), size);
    if (actual !== digest) {
      await this.remove(id);
      throw new RegistryError("DIGEST_INVALID", `The content is ${actual}, not ${digest}`, {
        field: "digest",
        detail: { digest, actual, size },
      });
    }
    {
      using file = await Deno.open(this.#path(id), { write: true });
      await file.sync();
    }
    await this.#blobs.adopt(this.#path(id), digest);
    this.#progress.delete(id);
    return size;
  }

  /** Forgets the upload; no error when it is not there. */
  async remove(id: string): Promise<void> {
    this.#progress.delete(id);
    try {
      await Deno.remove(this.#path(id));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Uploads whose files nobody has written to since `before` (ms since the epoch). */
  async idleSince(before: number): Promise<string[]> {
    const idle = [];
    for await (const { name, isFile } of Deno.readDir(this.#folder)) {
      if (!isFile || this.#taken.has(name)) continue;
      // It may be finished or cancelled between the listing and this look.
      const found = await Deno.lstat(`${this.#folder}/${name}`).catch(() => null);
      if (found !== null && (found.mtime?.getTime() ?? 0) < before) idle.push(name);
    }
    return idle;
  }

  #path(id: string): string {
    return `${this.#folder}/${id}`;
  }

  /** Hashes a chunk when the hash is of exactly the bytes before it. */
  #note(id: string, offset: number, chunk: Uint8Array): void {
    const progress = this.#progress.get(id);
    if (progress === undefined || progress.hashedBytes !== offset) return;
    progress.hash.update(chunk);
    progress.hashedBytes += chunk.length;
  }

  /**
   * The digest of the file. The hash made on the way is good only when it covers
   * as many bytes as the file has: another process may have written to it (hot restart).
   */
  async #digest(id: string, algorithm: DigestAlgorithm, size: number): Promise<Digest> {
    const progress = this.#progress.get(id);
    if (progress?.algorithm === algorithm && progress.hashedBytes === size) {
      return `${algorithm}:${progress.hash.copy().digest("hex")}`;
    }
    const hash = createHash(algorithm);
    using file = await Deno.open(this.#path(id));
    const buffer = new Uint8Array(writeBytes);
    for (let count; (count = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, count));
    return `${algorithm}:${hash.digest("hex")}`;
  }

  async #afterFailure(id: string, error: unknown): Promise<void> {
    if ((error as { code?: unknown }).code !== "ENOSPC") return;
    await this.remove(id); // the space is needed more than the half blob
    throw new RegistryError("UNKNOWN", "The registry's disk is full: the upload was dropped; free some space first", {
      status: 507,
      cause: error,
    });
  }
}

/**
 * The body in pieces of about `writeBytes`. What was gathered before the body broke off is still handed out,
 * because a client that resumes counts on what it saw sent.
 */
async function* gathered(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let failure: { error: unknown } | null = null;
  const reader = body.getReader();
  try {
    for (;;) {
      const next = await reader.read().catch((error: unknown) => {
        failure = { error };
        return { done: true as const, value: undefined };
      });
      if (next.done) break;
      parts.push(next.value);
      length += next.value.length;
      if (length < writeBytes) continue;
      yield Buffer.concat(parts, length);
      parts = [];
      length = 0;
    }
    if (length > 0) yield Buffer.concat(parts, length);
    if (failure !== null) throw (failure as { error: unknown }).error;
  } finally {
    // Stopped early (disk full, too large): the rest of the body isn't wanted.
    await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}
