/**
 * tar.zst archives: Deno bundles in memory, snapshots on disk. Writing is
 * deterministic; reading takes files and folders only, checks every path and
 * keeps to limits.
 * @module
 */
export { checkEntryPath } from "./entry_path.ts";
export { type ArchiveLimits, readTar, type TarEntry } from "./tar_reader.ts";
export { type TarSource, writeTar } from "./tar_writer.ts";
export { zstdCompress, zstdDecompress } from "./zstd.ts";
export { defaultFileLimits, packFiles, unpackFiles } from "./files.ts";
export { type ArchiveSource, defaultArchiveLimits, extractArchive, readArchive, writeArchive } from "./archive_file.ts";
