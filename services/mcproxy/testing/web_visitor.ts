/**
 * A browser without scripts, as far as the pages need one: keeps the session's cookie, follows redirects, sends forms.
 * @module
 */
import assert from "node:assert/strict";
import type { Site } from "@lib/web/mod.ts";

export interface Seen {
  readonly status: number;
  readonly html: string;
  /** Path and query, after redirects. */
  readonly at: string;
}

const host = "https://mcproxy.test";

export class WebVisitor {
  readonly #web: Site;
  #cookie = "";

  constructor(web: Site) {
    this.#web = web;
  }

  /** Signs in; `name` is the password too. */
  static async signedIn(web: Site, name: string): Promise<WebVisitor> {
    const visitor = new WebVisitor(web);
    const { at, html } = await visitor.post("/sign-in", { username: name, password: name });
    assert.equal(at, "/overview", html);
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
    const response = await this.#web(request, { remote: "192.0.2.200" });
    assert.ok(response !== null, `no page at ${at}`);
    const cookie = response.headers.get("set-cookie");
    if (cookie !== null) this.#cookie = cookie.split(";", 1)[0]!;
    const html = await response.text();
    const to = response.headers.get("location");
    return to === null ? { status: response.status, html, at } : this.get(to);
  }
}
