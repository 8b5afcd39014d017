/**
 * What browsers are told not to do with our pages.
 * @module
 */

/** Own styles, images and forms only; no script but own files, none inline; no frames around or inside. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Sets the headers of a page; a policy that a handler has set already stays. */
export function setPageHeaders(headers: Headers): void {
  const defaults: Record<string, string> = {
    "content-security-policy": contentSecurityPolicy,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    // Two years, as the preload list asks; the platform's names are never served in the clear.
    "strict-transport-security": "max-age=63072000",
  };
  for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
}

/** Whether the browser came by HTTPS: to us directly, or to the proxy in front, which then says so. */
export function isSecureVisit(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}
