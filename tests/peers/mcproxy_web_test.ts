/** MC-Proxy's pages in Debian's Chromium, on a whole platform: without scripts first, which is how they must work. */
import assert from "node:assert/strict";
import { exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { layoutOf } from "../../deploy/local/layout.ts";
import { rootOf } from "../../deploy/local/pki.ts";
import { TestPlatform } from "../platform.ts";
import { Chromium, type Tab } from "./chromium.ts";
import { desktop, pageCheck } from "./page_pictures.ts";
import { withTools } from "./tools.ts";

const check = pageCheck("mcproxy");
const shop = "shop.example.org";

async function signIn(tab: Tab, site: string, username: string, password: string): Promise<void> {
  await tab.goto(`${site}/overview`);
  await tab.fill("Username", username);
  await tab.fill("Password", password);
  await tab.follow("button", "Sign in");
}

/** Gives the proxy a certificate for the shop, by the platform's root. */
async function certify(platform: TestPlatform): Promise<void> {
  const root = await rootOf(layoutOf(platform.data, platform.base));
  const key = await generateKey();
  const cert = await signLeaf(root, key.publicKey, { names: [shop, "www.example.org"] });
  Deno.writeTextFileSync(platform.srv("mcproxy", "certs", "shop.key"), await exportKeyPem(key));
  Deno.writeTextFileSync(platform.srv("mcproxy", "certs", "shop.pem"), cert);
}

/** A shop that is slow at times and broken at one place. */
function shopProgram(): Deno.HttpServer<Deno.NetAddr> {
  let count = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    await new Promise((resolve) => setTimeout(resolve, count++ % 20 === 0 ? 60 : 2));
    if (pathname === "/broken") return new Response("sorry\n", { status: 500 });
    if (pathname === "/nowhere") return new Response("not here\n", { status: 404 });
    return new Response("welcome to the shop\n" + "goods ".repeat(2000));
  });
}

Deno.test({
  ...withTools("MC-Proxy's pages in Chromium", "chromium", "curl"),
  async fn(t) {
    await using platform = await TestPlatform.start();
    await certify(platform);
    await using backend = shopProgram();
    await using browser = await Chromium.start();
    const { mcproxy_admin: site, admin } = platform.file;
    const password = platform.adminPassword;
    const tab = await browser.tab({ scripts: false });
    await tab.screen(desktop);
    // Each step goes on from where the one before it has led.
    const step = async (name: string, work: () => Promise<void>): Promise<void> => {
      assert.ok(await t.step(name, work), `failed: ${name}`);
    };
    /** Status of the answer to a request through the ingress. */
    const ask = async (path: string, ...more: string[]): Promise<string> => {
      const { stdout } = await platform.curl(
        shop,
        path,
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        ...more,
      );
      return stdout;
    };

    await step("sign-in takes the right password only", async () => {
      await signIn(tab, site, admin, "wrong");
      assert.match(await tab.text, /Wrong username or password/);
      await check(tab);
      await signIn(tab, site, admin, password);
      assert.equal(await tab.url, `${site}/overview`);
      assert.match(await tab.text, /Everything works/);
    });

    await step("a bad backend is refused beside its field, with what was typed", async () => {
      await tab.follow("link", "Routes");
      assert.match(await tab.text, /There are no routes yet/);
      await tab.follow("link", "Add a route");
      await check(tab, "new-route", "desktop", "phone");
      await tab.fill("Host name", shop);
      await tab.fill("Backends", "192.0.2.1:80");
      await tab.fill("Certificate file", "shop.pem");
      await tab.fill("Key file", "shop.key");
      await tab.follow("button", "Add route");
      assert.match(await tab.text, /may not connect to/);
      // The browser moves the focus when it draws, a moment after the page has loaded.
      const focused = () => tab.evaluate<string | undefined>("document.activeElement.value");
      for (const since = performance.now(); await focused() === undefined && performance.now() - since < 5000;);
      assert.equal(await focused(), "192.0.2.1:80");
      await check(tab);
    });

    await step("a route is added, and the next request meets it", async () => {
      await tab.fill("Backends", `127.0.0.1:${backend.addr.port}`);
      await tab.follow("button", "Add route");
      assert.equal(await tab.url, `${site}/routes/https/${shop}`);
      assert.equal(await ask("/"), "200");
    });

    await step("a path, a redirect and a passthrough beside it", async () => {
      await tab.goto(`${site}/new-route`);
      await tab.fill("Host name", shop);
      await tab.fill("Path", "/old");
      await tab.press("DisclosureTriangle", "What happens to answers");
      await tab.fill("All requests, to", `https://${shop}{uri}`);
      await tab.choose("Redirect", "307");
      await tab.follow("button", "Add route");
      assert.equal(await ask("/old/goods"), "307");
      await tab.goto(`${site}/new-route`);
      await tab.fill("Host name", "mail.example.org");
      await tab.choose("Mode", "l4");
      await tab.fill("Backends", "127.0.0.1:9\n127.0.0.1:10");
      await tab.follow("button", "Add route");
      assert.match(await tab.text, /passthrough[^]*not asked yet/);
      await platform.curl("mail.example.org");
      await tab.goto(`${site}/routes/https/mail.example.org`);
      assert.match(await tab.text, /failing[^]*refused/);
    });

    await step("rules are made, explained, and switched off", async () => {
      await tab.goto(`${site}/firewall`);
      assert.match(await tab.text, /everybody may come in/);
      await tab.follow("link", "Add a rule");
      await check(tab, "new-rule", "desktop");
      await tab.fill("Name", "no-scanners");
      await tab.fill("User agents", "*scanner*\nsqlmap*");
      await tab.fill("Note", "They fill the logs.");
      await tab.follow("button", "Add rule");
      assert.equal(await ask("/", "--user-agent", "Evil Scanner"), "403");
      for (
        const [name, action, fields] of [
          ["office", "allow", { Priority: "10", "Addresses and networks": "192.0.2.0/24\n2001:db8:1::/48" }],
          ["sign-in-rate", "limit", { Paths: "/sign-in", "Per second": "2", "At once": "5" }],
          ["admin-area", "block", { Priority: "200", Paths: "/admin/*" }],
        ] as const
      ) {
        await tab.goto(`${site}/new-rule`);
        await tab.fill("Name", name);
        await tab.choose("Action", action);
        for (const [label, value] of Object.entries(fields)) await tab.fill(label, value);
        await tab.follow("button", "Add rule");
      }
      await tab.follow("button", "Switch admin-area off");
      assert.match(await tab.text, /admin-area is off/);
      await check(tab, "firewall");

      await tab.fill("Name asked for", shop);
      await tab.fill("User agent", "a scanner");
      await tab.follow("button", "Explain");
      assert.match(await tab.text, /403 Refused[^]*block no-scanners/);
      await check(tab, "explain", "desktop");
      await tab.goto(`${site}/firewall`);
      await tab.follow("button", "Switch no-scanners off");
      assert.equal(await ask("/", "--user-agent", "Evil Scanner"), "200");
    });

    await step("maintenance answers visitors until it ends", async () => {
      await tab.goto(`${site}/routes/https/${shop}`);
      await tab.follow("button", "Begin maintenance");
      assert.equal(await ask("/"), "503");
      await tab.follow("button", "End maintenance");
      assert.equal(await ask("/"), "200");
    });

    await step("settings are changed where they stand, and everything else stays", async () => {
      await tab.follow("link", "Change");
      await tab.press("DisclosureTriangle", "What happens to answers");
      await tab.fill("Edits of the answer's header", "set x-frame-options: DENY");
      await check(tab);
      await tab.follow("button", "Save");
      assert.match(await tab.text, /Saved[^]*Edits of answers[^]*set x-frame-options: DENY/);
      assert.equal(await ask("/"), "200");
    });

    await step("numbers, certificates and connections are shown", async () => {
      // Through a tenth of the picture.
      for (const end = Date.now() + 30_000; Date.now() < end;) {
        const waves = 1 + Math.round(3 * Math.abs(Math.sin(Date.now() / 4000)));
        await Promise.all([
          platform.curl(shop, `/[1-${20 * waves}]`, "--output", "/dev/null"),
          ask("/broken"),
          ask("/nowhere"),
          platform.curl("nobody.example.org"),
        ]);
      }
      await tab.goto(`${site}/routes`);
      assert.match(await tab.text, /shop\.example\.org[^]*mail\.example\.org|mail\.example\.org[^]*shop\.example\.org/);
      await check(tab, "routes");
      await tab.goto(`${site}/routes/https/${shop}`);
      assert.match(await tab.text, /Answered 5xx[^]*well/);
      await check(tab, "route");
      await tab.goto(`${site}/certificates`);
      assert.match(await tab.text, /www\.example\.org[^]*well/);
      await tab.follow("button", "Read the files again");
      assert.match(await tab.text, /1 certificate looked at, all are well/);
      await check(tab, "certificates", "desktop");

      const { hostname, port } = new URL(`https://${platform.file.proxy}`);
      using conn = await Deno.startTls(await Deno.connect({ hostname, port: Number(port) }), {
        hostname: shop,
        caCerts: [Deno.readTextFileSync(platform.file.ca)],
      });
      await conn.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${shop}\r\n\r\n`));
      await conn.read(new Uint8Array(65_536));
      await tab.goto(`${site}/connections`);
      assert.match(await tab.text, /127\.0\.0\.1:\d+[^]*shop\.example\.org/);
      await check(tab, "connections", "desktop", "phone");
      for (const path of ["/overview", "/routes?q=nothing", `/routes/https/${shop}/delete`, "/firewall/office"]) {
        await tab.goto(site + path);
        await check(tab);
      }
    });

    await step("a route is deleted once that is confirmed", async () => {
      await tab.goto(`${site}/routes/https/mail.example.org`);
      await tab.follow("link", "Delete");
      await tab.follow("button", "Delete mail.example.org");
      assert.match(await tab.text, /mail\.example\.org deleted/);
      // The skip link is the first stop of the keyboard.
      await tab.key("Tab");
      assert.equal(await tab.evaluate("document.activeElement.innerText"), "Skip to content");
    });

    await step("with scripts, the overview stays fresh by itself", async () => {
      const live = await browser.tab();
      await live.screen(desktop);
      await signIn(live, site, admin, password);
      await live.evaluate("window.sameDocument = true");
      const requests = async () => /Requests since the start\s+([\d,]+)/i.exec(await live.text)?.[1];
      const before = await requests();
      assert.notEqual(before, undefined);
      await ask("/");
      const deadline = Date.now() + 20_000;
      while (await requests() === before) {
        assert.ok(Date.now() < deadline, `it never changed:\n${await live.text}`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      assert.equal(await live.evaluate("window.sameDocument"), true);
      await check(live, "overview");
      assert.deepEqual(live.complaints, []);
    });

    await step("sign-out ends the session", async () => {
      await tab.follow("button", "Sign out");
      await tab.goto(`${site}/routes`);
      assert.match(await tab.url, /\/sign-in\?next=/);
    });
  },
});
