/** Lists come in pages; a command line wants them whole, up to a number. */

interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken: string;
}

// What a list page holds at most.
const pageSize = 1000;

export interface Pages<Item> {
  readonly items: Item[];
  /** There are more than were asked for. */
  readonly hasMore: boolean;
}

/** @param fetch asks for one page */
export async function fetchPages<Item>(
  limit: number,
  fetch: (page: { pageSize: number; pageToken: string }) => Promise<Page<Item>>,
): Promise<Pages<Item>> {
  const items: Item[] = [];
  let pageToken = "";
  do {
    const page = await fetch({ pageSize: Math.min(pageSize, limit - items.length), pageToken });
    items.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && items.length < limit);
  return { items, hasMore: pageToken !== "" };
}
