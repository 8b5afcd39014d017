/** Checks a page on every screen that people have, and keeps pictures of it in docs/screenshots where that is asked for. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { processEnvironment } from "@lib/config/mod.ts";
import { root } from "../platform.ts";
import type { Screen, Tab } from "./chromium.ts";
import { checkPage } from "./page_checks.ts";

export const desktop: Screen = { width: 1280, height: 900 };
const phone: Screen = { width: 390, height: 844 };
const screens: readonly [name: string, screen: Screen][] = [
  ["desktop", desktop],
  ["phone", phone],
  ["dark", { ...desktop, dark: true }],
];

/** Set to keep the pictures in docs/screenshots. */
const keepPictures = processEnvironment("METACIRCULAR_SCREENSHOTS") !== undefined;
const maxPictureBytes = 150 * 1024;

/** Checks the page on every screen, and takes pictures of it where they are kept: of all screens, or of some. */
export type PageCheck = (tab: Tab, picture?: string, ...only: string[]) => Promise<void>;

/** @param prefix of the pictures' names: the service */
export function pageCheck(prefix: string): PageCheck {
  return async (tab, picture, ...only) => {
    for (const [name, screen] of screens) {
      await tab.screen(screen);
      await checkPage(tab);
      if (picture === undefined || !keepPictures || (only.length > 0 && !only.includes(name))) continue;
      await tab.evaluate("window.scrollTo(0, 0)");
      const png = await tab.screenshot();
      assert.ok(png.length <= maxPictureBytes, `${picture}-${name}: ${png.length} bytes`);
      await Deno.mkdir(join(root, "docs/screenshots"), { recursive: true });
      await Deno.writeFile(join(root, "docs/screenshots", `${prefix}-${picture}-${name}.png`), png);
    }
    await tab.screen(desktop);
  };
}
