/**
 * The stylesheet as an asset: its address carries its hash, so that browsers keep it for good and still see a new one at once.
 * @module
 */
import { createHash } from "node:crypto";
import text from "./style.css" with { type: "text" };

const path = "/assets/style.css";
const hash = createHash("sha256").update(text).digest("base64url").slice(0, 16);
const etag = `"${hash}"`;

/** What pages link to. */
export const stylesheetUrl = `${path}?v=${hash}`;

/** Answers GET and HEAD of `/assets/style.css`; null for everything else. */
export function stylesheetResponse(request: Request): Response | null {
  const url = new URL(request.url);
  if (url.pathname !== path || (request.method !== "GET" && request.method !== "HEAD")) return null;
  const headers = {
    "content-type": "text/css; charset=utf-8",
    "x-content-type-options": "nosniff",
    etag,
    // Without the hash the address stays good but must be asked about again.
    "cache-control": url.searchParams.get("v") === hash ? "public, max-age=31536000, immutable" : "no-cache",
  };
  const known = request.headers.get("if-none-match")?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  return known ? new Response(null, { status: 304, headers }) : new Response(text, { headers });
}
