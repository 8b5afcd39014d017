/** Queries per second over the last minutes, as a picture with its meaning in words. */
import { type Observed, pieceCount, pieceMs } from "./query_watch.ts";

/** Response codes with a colour of their own, as they are stacked; the rest is "other". */
const codes = ["NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL"] as const;
const kinds = [...codes, "other"] as const;
type Kind = typeof kinds[number];

const height = 100;
/** Of a piece: its bar and the gap to the next. */
const width = 10;

const kindOf = (rcode: string): Kind => codes.find((code) => code === rcode) ?? "other";

export function RatePicture({ pieces }: Pick<Observed, "pieces">) {
  const stacks = pieces.map(({ counts }) => {
    const stack = new Map<Kind, number>();
    for (const [rcode, count] of counts) stack.set(kindOf(rcode), (stack.get(kindOf(rcode)) ?? 0) + count);
    return stack;
  });
  const sums = stacks.map((stack) => [...stack.values()].reduce((sum, count) => sum + count, 0));
  const perSecond = (count: number) => count / (pieceMs / 1000);
  const top = niceCeiling(perSecond(Math.max(0, ...sums)));
  const total = (kind: Kind) => stacks.reduce((sum, stack) => sum + (stack.get(kind) ?? 0), 0);
  const shown = kinds.filter((kind) => total(kind) > 0);
  const words = shown.length === 0
    ? "No queries in this time."
    : `At most ${rateText(perSecond(Math.max(...sums)))} queries per second; in all ${
      shown.map((kind) => `${total(kind).toLocaleString("en")} ${kind}`).join(", ")
    }.`;
  return (
    <figure class="rates">
      <figcaption>
        <span>Queries per second</span> <span class="faint">top {rateText(top)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${pieceCount * width} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {[0.25, 0.5, 0.75].map((part) => (
          <line class="grid" x1="0" x2={pieceCount * width} y1={height * part} y2={height * part} />
        ))}
        {stacks.map((stack, i) => <Bar stack={stack} x={i * width} unit={height * perSecond(1) / top} />)}
      </svg>
      <div class="axis faint" aria-hidden="true">
        <span>{pieceCount * pieceMs / 60_000} min ago</span>
        <span>now</span>
      </div>
      <ul class="legend">
        {shown.map((kind) => (
          <li>
            <span class={`swatch rcode-${kind.toLowerCase()}`} /> {kind}{" "}
            <span class="faint">{total(kind).toLocaleString("en")}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** @param unit height of one query */
function Bar({ stack, x, unit }: { stack: ReadonlyMap<Kind, number>; x: number; unit: number }) {
  let y = height;
  return kinds.map((kind) => {
    const count = stack.get(kind);
    if (count === undefined) return null;
    // A single query among thousands stays visible.
    const size = Math.max(1, count * unit);
    y -= size;
    return (
      <rect class={`rcode-${kind.toLowerCase()}`} x={x} y={y.toFixed(1)} width={width - 2} height={size.toFixed(1)} />
    );
  });
}

/** The next of 1, 2, 5, 10, 20, … */
export function niceCeiling(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10);
}

const rateText = (value: number): string => value < 10 ? String(Math.round(value * 10) / 10) : value.toFixed(0);
