/** What every page must be for everybody who reads it: checked in the browser, as it is shown. */
import assert from "node:assert/strict";
import type { Tab } from "./chromium.ts";

/** Text with less contrast than WCAG 2.2, 1.4.3 asks: 4.5, or 3 for large text. */
const paleText = `(() => {
  const parts = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { rgb, a } = parts(getComputedStyle(at).backgroundColor);
      if (a === 1) return rgb;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  let looked = 0;
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    const { color, fontSize, fontWeight, visibility } = getComputedStyle(element);
    if (text === "" || visibility === "hidden" || element.getClientRects().length === 0) continue;
    looked++;
    const [one, two] = [luminance(parts(color).rgb), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (two + 0.05);
    const size = parseFloat(fontSize);
    const enough = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5;
    if (contrast < enough) found.push(text.slice(0, 40) + ": " + contrast.toFixed(2));
  }
  return { looked, found };
})()`;

/** Roles that people act on: each needs a name to be found by. */
const acting = new Set(["button", "link", "textbox", "combobox", "checkbox", "searchbox", "DisclosureTriangle"]);

/** Asserts language, one heading, landmarks, names of everything to act on, contrast, and no scrolling sideways. */
export async function checkPage(tab: Tab): Promise<void> {
  const url = await tab.url;
  assert.equal(await tab.evaluate("document.documentElement.lang"), "en", url);
  assert.notEqual(await tab.evaluate("document.title"), "", url);
  assert.equal(await tab.evaluate("document.querySelectorAll('h1').length"), 1, url);
  assert.equal(await tab.evaluate("document.querySelectorAll('[style], script:not([src])').length"), 0, url);
  const nodes = await tab.all();
  const roles = nodes.map(({ role }) => role);
  for (const landmark of ["banner", "main"]) {
    assert.equal(roles.filter((role) => role === landmark).length, 1, `${url}: ${landmark}`);
  }
  const nameless = nodes.filter(({ role, name }) => acting.has(role) && name === "");
  assert.deepEqual(nameless, [], `${url}: without a name`);
  const { looked, found } = await tab.evaluate<{ looked: number; found: string[] }>(paleText);
  assert.ok(looked >= 5, `${url}: looked at ${looked} texts only`);
  assert.deepEqual(found, [], `${url}: too little contrast`);
  assert.equal(await tab.overflow, 0, `${url}: wider than the window`);
}
