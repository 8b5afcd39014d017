import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database } from "@lib/db/mod.ts";
import type { RuleTable } from "@lib/policy/mod.ts";
import type { BlobFiles } from "./blob_files.ts";
import type { BlobStore } from "./blob_store.ts";
import type { ManifestStore } from "./manifest_store.ts";
import type { RepositoryStore } from "./repository_store.ts";
import type { TagStore } from "./tag_store.ts";
import type { UploadFiles } from "./upload_files.ts";
import type { UploadStore } from "./upload_store.ts";

/** Everything that is kept; server.ts builds it. `write` is the one transaction around several stores' changes. */
export interface Stores {
  readonly write: Database["write"];
  readonly repositories: RepositoryStore;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly blobs: BlobStore;
  readonly uploads: UploadStore;
  readonly rules: RuleTable;
  readonly audit: AuditLog;
  readonly blobFiles: BlobFiles;
  readonly uploadFiles: UploadFiles;
}
