/**
 * What passed in the last minutes, as pictures with their meaning in words.
 * @module
 */
import { pieceCount, pieceMs, type TrafficPiece } from "../traffic/history.ts";
import { bytesText, countText, niceCeiling, rateText } from "./amounts.ts";

/** Values of one kind, one for each piece, stacked upon those before it. */
interface Series {
  readonly name: string;
  /** A colour of lib/web's sheet. */
  readonly tone: "accent" | "amber" | "violet" | "bad" | "faint";
  readonly values: readonly number[];
}

interface PictureProps {
  title: string;
  series: readonly Series[];
  text: (value: number) => string;
}

const height = 100;
/** Of a piece: its bar and the gap to the next. */
const width = 10;

export function TrafficPictures({ pieces }: { pieces: readonly TrafficPiece[] }) {
  const perSecond = (read: (piece: TrafficPiece) => number) => pieces.map((one) => read(one) * 1000 / pieceMs);
  const rate = (value: number) => `${rateText(value)}/s`;
  return (
    <div class="pictures">
      <Picture
        title="Requests per second"
        series={[
          { name: "answered", tone: "accent", values: perSecond(({ answered }) => answered) },
          { name: "failed (5xx)", tone: "bad", values: perSecond(({ failed }) => failed) },
        ]}
        text={rate}
      />
      <Picture
        title="Bytes per second"
        series={[
          { name: "to clients", tone: "accent", values: perSecond(({ bytesOut }) => bytesOut) },
          { name: "from clients", tone: "violet", values: perSecond(({ bytesIn }) => bytesIn) },
        ]}
        text={(value) => `${bytesText(value)}/s`}
      />
      <Picture
        title="Connections open"
        series={[{ name: "open", tone: "accent", values: pieces.map(({ connections }) => connections) }]}
        text={countText}
      />
      <Picture
        title="Connections refused per second"
        series={[{ name: "refused", tone: "amber", values: perSecond(({ refused }) => refused) }]}
        text={rate}
      />
    </div>
  );
}

export function Picture({ title, series, text }: PictureProps) {
  const length = series[0]?.values.length ?? 0;
  const sums = Array.from({ length }, (_, i) => series.reduce((sum, { values }) => sum + values[i]!, 0));
  const most = Math.max(0, ...sums);
  const top = niceCeiling(most);
  const last = series.map(({ name, values }) => `${text(values.at(-1) ?? 0)} ${name}`).join(", ");
  const words = most === 0 ? "Nothing in this time." : `At most ${text(most)}; now ${last}.`;
  // The newest piece stands at the right, also while there are only a few.
  const left = (pieceCount - length) * width;
  return (
    <figure class="rates small">
      <figcaption>
        <span>{title}</span> <span class="faint">top {text(top)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${pieceCount * width} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {[0.25, 0.5, 0.75].map((part) => (
          <line class="grid" x1="0" x2={pieceCount * width} y1={height * part} y2={height * part} />
        ))}
        {series.map(({ tone, values }, kind) => (
          <path class={`tone-${tone}`} d={bars(values, below(series, kind), left, height / top)} />
        ))}
      </svg>
      <div class="axis faint" aria-hidden="true">
        <span>{pieceCount * pieceMs / 60_000} min ago</span>
        <span>now</span>
      </div>
      <ul class="legend">
        {series.map(({ name, tone, values }) => (
          <li>
            <span class={`swatch tone-${tone}`} /> {name} <span class="faint">{text(values.at(-1) ?? 0)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** What the series before `kind` add up to at each piece. */
function below(series: readonly Series[], kind: number): number[] {
  const sums = series[kind]!.values.map(() => 0);
  for (const { values } of series.slice(0, kind)) values.forEach((value, i) => sums[i]! += value);
  return sums;
}

/** One path for all bars: 120 elements each would be most of the page. @param unit height of 1 */
function bars(values: readonly number[], from: readonly number[], left: number, unit: number): string {
  return values.flatMap((value, i) => {
    if (value <= 0) return [];
    // A single one among thousands stays visible.
    const size = Math.max(1, value * unit);
    const bottom = height - from[i]! * unit;
    return [`M${left + i * width} ${bottom.toFixed(1)}v-${size.toFixed(1)}h${width - 2}v${size.toFixed(1)}z`];
  }).join("");
}
