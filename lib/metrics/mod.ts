/**
 * Counters, gauges and histograms in the Prometheus text format 0.0.4.
 * @module
 */

type Labels = Record<string, string>;

interface Metric {
  render(): string;
}

/** Goes up only. */
export interface Counter {
  inc(labels?: Labels, by?: number): void;
}

/** Goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/** Counts observations in buckets. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** A value and whose it is. */
export type Sample = readonly [labels: Labels, value: number];

/** A histogram and whose it is. */
export type HistogramSample = readonly [labels: Labels, counts: HistogramCounts];

export interface HistogramCounts {
  /** Observations up to each bucket's bound, those of the buckets before it included. */
  readonly within: readonly number[];
  readonly sum: number;
  readonly total: number;
}

/** Seconds, for latencies from a quarter of a millisecond to ten seconds. */
export const latencyBuckets: readonly number[] = [0.00025, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10];

/** The metrics of one program. A name is registered once; a second time is a defect and throws. */
export class Registry {
  readonly #metrics = new Map<string, Metric>();

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    const values = new Map<string, number>();
    this.#add(name, help, "counter", () => lines(name, values));
    if (labelNames.length === 0) values.set("", 0);
    return {
      inc(labels = {}, by = 1) {
        const key = labelText(labelNames, labels);
        values.set(key, (values.get(key) ?? 0) + by);
      },
    };
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    const values = new Map<string, number>();
    this.#add(name, help, "gauge", () => lines(name, values));
    return { set: (value, labels = {}) => void values.set(labelText(labelNames, labels), value) };
  }

  /** A gauge whose value is asked for when the metrics are read. */
  gaugeFrom(name: string, help: string, read: () => number): void {
    this.#add(name, help, "gauge", () => `${name} ${read()}\n`);
  }

  /** A counter that the program keeps itself (hot paths count in plain fields). */
  counterFrom(name: string, help: string, read: () => number): void {
    this.#add(name, help, "counter", () => `${name} ${read()}\n`);
  }

  /** Counters with labels that the program keeps itself; what it no longer has is no longer told. */
  countersFrom(name: string, help: string, labelNames: readonly string[], read: () => Iterable<Sample>): void {
    this.#add(name, help, "counter", () => lines(name, sampled(labelNames, read)));
  }

  /** As `countersFrom`. */
  gaugesFrom(name: string, help: string, labelNames: readonly string[], read: () => Iterable<Sample>): void {
    this.#add(name, help, "gauge", () => lines(name, sampled(labelNames, read)));
  }

  /** Histograms that the program keeps itself. @param buckets upper bounds, ascending, without +Inf */
  histogramsFrom(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly string[],
    read: () => Iterable<HistogramSample>,
  ): void {
    this.#add(name, help, "histogram", () => {
      let text = "";
      for (const [labels, counts] of read()) {
        text += histogramText(name, buckets, labelText(labelNames, labels), counts);
      }
      return text;
    });
  }

  /** @param buckets upper bounds, ascending, without +Inf */
  histogram(name: string, help: string, buckets: readonly number[], labelNames: readonly string[] = []): Histogram {
    const series = new Map<string, { counts: number[]; sum: number; total: number }>();
    this.#add(name, help, "histogram", () => {
      let text = "";
      for (const [labels, { counts, sum, total }] of series) {
        let running = 0;
        text += histogramText(name, buckets, labels, { within: counts.map((count) => running += count), sum, total });
      }
      return text;
    });
    return {
      observe(value, labels = {}) {
        const key = labelText(labelNames, labels);
        let one = series.get(key);
        if (!one) series.set(key, one = { counts: buckets.map(() => 0), sum: 0, total: 0 });
        const index = buckets.findIndex((bound) => value <= bound);
        if (index >= 0) one.counts[index]!++;
        one.sum += value;
        one.total++;
      },
    };
  }

  /** Everything, as `text/plain; version=0.0.4`. */
  text(): string {
    return [...this.#metrics.values()].map((metric) => metric.render()).join("");
  }

  #add(name: string, help: string, type: string, render: () => string): void {
    if (this.#metrics.has(name)) throw new Error(`metric ${name} is registered already`);
    this.#metrics.set(name, { render: () => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${render()}` });
  }
}

function sampled(names: readonly string[], read: () => Iterable<Sample>): Map<string, number> {
  const values = new Map<string, number>();
  for (const [labels, value] of read()) values.set(labelText(names, labels), value);
  return values;
}

function histogramText(
  name: string,
  buckets: readonly number[],
  labels: string,
  { within, sum, total }: HistogramCounts,
): string {
  let text = "";
  buckets.forEach((bound, i) => text += `${name}_bucket${withLabel(labels, `le="${bound}"`)} ${within[i]}\n`);
  return `${text}${name}_bucket${withLabel(labels, 'le="+Inf"')} ${total}\n` +
    `${name}_sum${braced(labels)} ${sum}\n${name}_count${braced(labels)} ${total}\n`;
}

function labelText(names: readonly string[], labels: Labels): string {
  return names.map((name) => `${name}="${escape(labels[name] ?? "")}"`).join(",");
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function withLabel(labels: string, extra: string): string {
  return `{${labels === "" ? extra : `${labels},${extra}`}}`;
}

function lines(name: string, values: Map<string, number>): string {
  return [...values].map(([labels, value]) => `${name}${braced(labels)} ${value}\n`).join("");
}
