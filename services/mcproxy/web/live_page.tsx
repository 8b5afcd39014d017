/**
 * Pages whose region `data-live` is kept fresh: by a script of ours, or by the browser where scripts are off.
 * @module
 */

/** As often as the picture of the traffic gets a new piece. */
export const freshEverySeconds = 5;

/** What such a page's shell needs. @param here its own address */
export function refreshing(here: string) {
  return {
    live: true,
    head: (
      <noscript>
        <meta http-equiv="refresh" content={`${freshEverySeconds}; url=${here}`} />
      </noscript>
    ),
  };
}
