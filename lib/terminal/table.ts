/** One column: its heading and how to get the cell. */
export interface Column<Row> {
  heading: string;
  cell: (row: Row) => string;
  align?: "left" | "right";
}

/**
 * Rows in aligned columns, two spaces apart, headings in capitals, one newline at the end; headings
 * alone when there are no rows. Control characters in cells are shown as "·", so that a value can't drive the terminal.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => clean(column.cell(row))));
  const heads = columns.map((column) => column.heading.toUpperCase());
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => [...row[i]!].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => {
      const padding = " ".repeat(widths[i]! - [...cell].length);
      return columns[i]!.align === "right" ? padding + cell : cell + padding;
    }).join("  ").trimEnd() + "\n";
  return [heads, ...cells].map(line).join("");
}

function clean(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "·");
}
