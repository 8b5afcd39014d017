/**
 * Many signatures without holding DNS up: what a publication would sign is found out beforehand, signed in another thread
 * one by one (the second core goes on answering), and handed to the publication when it is made in earnest. A set that
 * has changed in between is signed then, in its turn.
 */
import type { Octets } from "../domain/octets.ts";
import { types } from "../domain/rdata/record_type.ts";
import { type Publication, publishZone } from "./publish_zone.ts";
import { sameRecords, type SetSigner, signatureHead, signedOctets, type SigningJob } from "./signature.ts";

/** Signatures made beforehand. */
export class PreparedSignatures {
  readonly #made = new Map<string, { readonly job: SigningJob; readonly signature: Octets }>();

  get size(): number {
    return this.#made.size;
  }

  add(job: SigningJob, signature: Octets): void {
    this.#made.set(idOf(job), { job, signature });
  }

  /** Takes what was prepared, and has `signer` make the rest. */
  before(signer: SetSigner): SetSigner {
    return {
      sign: (job) => {
        const made = this.#made.get(idOf(job));
        return made !== undefined && sameRecords(made.job.set, job.set) ? made.signature : signer.sign(job);
      },
    };
  }
}

const idOf = ({ owner, set, key }: SigningJob): string => `${set.type} ${key.tag} ${owner}`;

/** What the publication would sign, but for the SOA, whose serial comes with the change. */
export function jobsOf(publication: Omit<Publication, "signer">): SigningJob[] {
  const jobs: SigningJob[] = [];
  publishZone({
    ...publication,
    signer: {
      sign(job) {
        if (job.set.type !== types.SOA) jobs.push(job);
        return "";
      },
    },
  });
  return jobs;
}

/** Signs in another thread. Stops early when `signal` is aborted. */
export async function signAside(
  jobs: readonly SigningJob[],
  { signing, at, signal }: Pick<Publication, "signing" | "at"> & { signal?: AbortSignal },
): Promise<PreparedSignatures> {
  const prepared = new PreparedSignatures();
  for (const job of jobs) {
    if (signal?.aborted) break;
    const head = signatureHead(job, signing.zone, signing.times, at);
    prepared.add(job, head + await job.key.signAside(signedOctets(job, head)));
  }
  return prepared;
}
