/**
 * A browser without scripts, as far as the pages need one: keeps the session's cookie, follows redirects, sends forms.
 * @module
 */
import assert from "node:assert/strict";
import type { Site } from "../site.tsx";

export interface Seen {
  readonly status: number;
  readonly html: string;
  /** Path and query, after redirects. */
  readonly at: string;
}

const host = "https://site.test";

export class SiteVisitor {
  readonly #site: Site;
  #cookie = "";

  constructor(site: Site) {
    this.#site = site;
  }

  /** Signs in; `name` is the password too. */
  static async signedIn(site: Site, name: string): Promise<SiteVisitor> {
    const visitor = new SiteVisitor(site);
    const { at, html } = await visitor.post("/sign-in", { username: name, password: name });
    // A refused one is answered by the form again.
    assert.notEqual(at, "/sign-in", html);
    return visitor;
  }

  get(path: string): Promise<Seen> {
    return this.#go(path, new Request(host + path, { headers: { cookie: this.#cookie } }));
  }

  /** Sends a form with the session's token, as it stands in the page `from`; "" for none. */
  async post(path: string, fields: Record<string, string>, from = ""): Promise<Seen> {
    const csrf = from === "" ? "" : /name="csrf_token" value="([^"]+)"/.exec((await this.get(from)).html)?.[1] ?? "";
    const headers = {
      cookie: this.#cookie,
      origin: host,
      "sec-fetch-site": "same-origin",
      "content-type": "application/x-www-form-urlencoded",
    };
    const body = new URLSearchParams({ csrf_token: csrf, ...fields }).toString();
    return await this.#go(path, new Request(host + path, { method: "POST", headers, body }));
  }

  async #go(at: string, request: Request): Promise<Seen> {
    const response = await this.#site(request, { remote: "192.0.2.200" });
    assert.ok(response !== null, `no page at ${at}`);
    const cookie = response.headers.get("set-cookie");
    if (cookie !== null) this.#cookie = cookie.split(";", 1)[0]!;
    const html = await response.text();
    const to = response.headers.get("location");
    return to === null ? { status: response.status, html, at } : this.get(to);
  }
}
