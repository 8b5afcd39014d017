/**
 * The pages' own files. An address carries its file's hash, so that browsers keep it for good and still see a new one at
 * once.
 * @module
 */
import { createHash } from "node:crypto";
import forms from "./forms.css" with { type: "text" };
import panels from "./panels.css" with { type: "text" };
import liveRegion from "./live_region.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import tables from "./tables.css" with { type: "text" };

interface Asset {
  readonly text: string;
  readonly type: string;
  readonly hash: string;
}

const asset = (text: string, type: string): Asset => ({
  text,
  type: `${type}; charset=utf-8`,
  hash: createHash("sha256").update(text).digest("base64url").slice(0, 16),
});

const assets = new Map<string, Asset>([
  ["/assets/style.css", asset(style + forms + tables + panels, "text/css")],
  ["/assets/live_region.js", asset(liveRegion, "text/javascript")],
]);

/** What pages link to. */
export const stylesheetUrl = withHash("/assets/style.css");
/** The script that keeps a region marked `data-live="5"` fresh, every 5 seconds. */
export const liveRegionUrl = withHash("/assets/live_region.js");

function withHash(path: string): string {
  return `${path}?v=${assets.get(path)!.hash}`;
}

/** Answers GET and HEAD of the files; null for everything else. */
export function assetResponse(request: Request): Response | null {
  const url = new URL(request.url);
  const found = assets.get(url.pathname);
  if (found === undefined || (request.method !== "GET" && request.method !== "HEAD")) return null;
  const etag = `"${found.hash}"`;
  const headers = {
    "content-type": found.type,
    "x-content-type-options": "nosniff",
    etag,
    // Without the hash the address stays good but must be asked about again.
    "cache-control": url.searchParams.get("v") === found.hash ? "public, max-age=31536000, immutable" : "no-cache",
  };
  const known = request.headers.get("if-none-match")?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  return known ? new Response(null, { status: 304, headers }) : new Response(found.text, { headers });
}
