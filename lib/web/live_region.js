// Keeps a page's [data-live] region fresh: fetches the page again every so many seconds and puts in that part alone.
// Without scripts the page's own <noscript> refresh does the same less smoothly.
const region = () => document.querySelector("[data-live]");

async function refresh() {
  const seconds = Number(region()?.dataset.live);
  if (!(seconds > 0)) return;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  if (!document.hidden) {
    try {
      const response = await fetch(location.href, { headers: { "x-live-region": "1" } });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-live]");
      // No region: the session has ended, or the service says so in a page of its own.
      if (response.redirected || fresh === null) return location.reload();
      region().replaceWith(document.adoptNode(fresh));
    } catch {
      region().classList.add("stale");
    }
  }
  return refresh();
}

refresh();
