/** MCNS's pages in Debian's Chromium, on a whole platform: without scripts first, which is how they must work. */
import assert from "node:assert/strict";
import { TestPlatform } from "../platform.ts";
import { Chromium, type Tab } from "./chromium.ts";
import { desktop, pageCheck } from "./page_pictures.ts";
import { withTools } from "./tools.ts";

const check = pageCheck("mcns");

async function signIn(tab: Tab, site: string, username: string, password: string): Promise<void> {
  await tab.goto(`${site}/zones`);
  await tab.fill("Username", username);
  await tab.fill("Password", password);
  await tab.follow("button", "Sign in");
}

/** What dig says in short. */
async function dig(server: string, name: string, type: string): Promise<string> {
  const [address, port] = server.split(":");
  const { stdout } = await new Deno.Command("dig", {
    args: [`@${address}`, "-p", port!, "+short", "+tries=1", "+time=2", name, type],
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

async function addRecord(tab: Tab, name: string, type: string, value: string): Promise<void> {
  // Unfolded in a zone without records, and after one was added.
  if (!(await tab.all("textbox")).some(({ name }) => name === "Value")) {
    await tab.press("DisclosureTriangle", "Add a record");
  }
  await tab.fill("Name", name);
  // The filter has a "Type" too, before it.
  await tab.evaluate(`document.querySelector(".add select[name=type]").value = ${JSON.stringify(type)}`);
  await tab.fill("Value", value);
  await tab.follow("button", "Add");
}

Deno.test({
  ...withTools("MCNS's pages in Chromium", "chromium", "dig"),
  async fn(t) {
    await using platform = await TestPlatform.start();
    await using browser = await Chromium.start();
    const { mcns: site, dns, admin } = platform.file;
    const password = platform.adminPassword;
    const tab = await browser.tab({ scripts: false });
    await tab.screen(desktop);
    // Each step goes on from where the one before it has led.
    const step = async (name: string, work: () => Promise<void>): Promise<void> => {
      assert.ok(await t.step(name, work), `failed: ${name}`);
    };

    await step("sign-in takes the right password only", async () => {
      await signIn(tab, site, admin, "wrong");
      assert.match(await tab.text, /Wrong username or password/);
      await check(tab, "sign-in", "desktop");
      await signIn(tab, site, admin, password);
      assert.equal(await tab.url, `${site}/zones`);
      assert.match(await tab.text, /svc\.mcp\.metacircular\.net/);
    });

    await step("a zone is made, and its records are in the very next answer", async () => {
      await tab.follow("link", "New zone");
      await check(tab);
      await tab.fill("Name", "example.org");
      await tab.follow("button", "Create zone");
      assert.equal(await tab.url, `${site}/zones/example.org`);
      await addRecord(tab, "www", "A", "192.0.2.10");
      assert.equal(await dig(dns, "www.example.org", "A"), "192.0.2.10");
      await addRecord(tab, "www", "AAAA", "2001:db8::10");
      await addRecord(tab, "@", "MX", "10 mail.example.org");
      await addRecord(tab, "mail", "A", "192.0.2.25");
      await addRecord(tab, "@", "TXT", '"v=spf1 mx -all"');
      await addRecord(tab, "shop", "CNAME", "www.example.org");
      await addRecord(tab, "_imaps._tcp", "SRV", "0 5 993 mail.example.org");
      await addRecord(tab, "@", "CAA", '0 issue "letsencrypt.org"');
      assert.equal(await dig(dns, "shop.example.org", "A"), "www.example.org.\n192.0.2.10");
    });

    await step("a bad value is refused beside its field, with what was typed", async () => {
      await tab.goto(`${site}/zones/example.org`);
      await tab.fill("Value of mail A", "192.0.2.256");
      await tab.follow("button", "Save mail A");
      assert.match(await tab.text, /192\.0\.2\.256/);
      assert.equal(await tab.evaluate("document.activeElement.value"), "192.0.2.256");
      assert.match(
        await tab.evaluate(
          "document.getElementById(document.activeElement.getAttribute('aria-describedby')).innerText",
        ),
        /192\.0\.2\.256/,
      );
      await check(tab, "refused", "desktop");
      assert.equal(await dig(dns, "mail.example.org", "A"), "192.0.2.25");
    });

    await step("a record is changed where it stands, by keyboard alone", async () => {
      await tab.fill("Value of mail A", "192.0.2.26");
      await tab.loads(() => tab.key("Enter"));
      assert.match(await tab.text, /mail A is now 192\.0\.2\.26/);
      assert.equal(await dig(dns, "mail.example.org", "A"), "192.0.2.26");
      await tab.goto(`${site}/zones/example.org`);
      await check(tab, "zone");
    });

    await step("a record is deleted once that is confirmed", async () => {
      await tab.follow("link", "Delete shop CNAME");
      await check(tab, "record", "desktop");
      await tab.follow("button", "Delete shop CNAME");
      assert.equal(await dig(dns, "shop.example.org", "A"), "");
    });

    await step("history shows it, and undo brings it back", async () => {
      await tab.follow("link", "History");
      assert.match(await tab.text, /deleted records[^]*shop 300 CNAME www\.example\.org/);
      const undo = (await tab.all("link")).find(({ name }) => name.startsWith("Undo change"))!;
      await tab.follow("link", undo.name);
      await check(tab, "history");
      await tab.follow("button", undo.name.replace("change ", "change #"));
      assert.equal(await dig(dns, "shop.example.org", "CNAME"), "www.example.org.");
    });

    await step("a zone file is imported after its difference was shown", async () => {
      await tab.follow("link", "Zone file");
      const file = await tab.evaluate<string>("document.querySelector('pre').innerText");
      assert.match(file, /mail\s+300\s+(IN\s+)?A\s+192\.0\.2\.26/);
      await tab.fill("New zone file", `${file}\nimap 300 IN CNAME mail.example.org.\n`);
      await tab.follow("button", "Show the difference");
      assert.match(await tab.text, /0 records removed, 1 record added/);
      await check(tab, "import", "desktop");
      await tab.follow("button", "Import");
      assert.equal(await dig(dns, "imap.example.org", "CNAME"), "mail.example.org.");
    });

    await step("a zone is signed, and says what its parent is to know and when", async () => {
      await tab.follow("link", "DNSSEC");
      await tab.follow("button", "Sign the zone");
      assert.match(await tab.text, /signed[^]*ecdsap256sha256, NSEC[^]*Next\s+give out the DS of CSK \d+ in /);
      await check(tab, "dnssec", "desktop");
      assert.match(await dig(dns, "example.org", "DNSKEY"), /^25[67] 3 13 /);
    });

    await step("every other page is fit to be read", async () => {
      await tab.goto(`${site}/explain?name=shop.example.org&type=A`);
      assert.match(await tab.text, /NOERROR from our zones[^]*192\.0\.2\.10[^]*WHY/i);
      await check(tab, "explain", "desktop");
      for (
        const [path, picture] of [
          ["/zones", "zones"],
          ["/cache", "cache"],
          ["/status", "status"],
          ["/zones/example.org/transfers"],
          ["/zones/example.org/settings"],
          ["/zones/example.org?add=1"],
          ["/zones/no.such.zone"],
        ] as const
      ) {
        await tab.goto(site + path);
        await check(tab, picture, "desktop");
      }
      await tab.goto(site);
      // The skip link is the first stop of the keyboard.
      await tab.key("Tab");
      assert.equal(await tab.evaluate("document.activeElement.innerText"), "Skip to content");
    });

    await step("with scripts, queries are shown as they come, and what they hold stays text", async () => {
      const live = await browser.tab();
      await live.screen(desktop);
      await signIn(live, site, admin, password);
      await live.goto(`${site}/zones/example.org`);
      await addRecord(live, "xss", "TXT", '"<img src=x onerror=window.broken=1><script>window.broken=1</script>"');
      await live.goto(`${site}/zones/example.org/history`);
      assert.equal(await live.evaluate("window.broken"), undefined);
      await live.goto(`${site}/queries`);
      await live.evaluate("window.sameDocument = true");
      for (const name of ["www", "mail", "shop", "nothing", "imap"]) {
        for (let i = 0; i < 4; i++) await dig(dns, `${name}.example.org`, i % 2 === 0 ? "A" : "AAAA");
      }
      const deadline = Date.now() + 20_000;
      while (!/nothing\.example\.org[^]*NXDOMAIN/.test(await live.text)) {
        assert.ok(Date.now() < deadline, `the queries never came:\n${await live.text}`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      assert.equal(await live.evaluate("window.sameDocument"), true);
      await check(live, "queries");
      assert.deepEqual(live.complaints, []);
    });

    await step("sign-out ends the session", async () => {
      await tab.goto(`${site}/zones`);
      await tab.follow("button", "Sign out");
      await tab.goto(`${site}/zones/example.org`);
      assert.match(await tab.url, /\/sign-in\?next=/);
      await tab.goto(`${site}/status`);
      assert.match(await tab.text, /Sign in to see more/);
    });
  },
});
