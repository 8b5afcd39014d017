/** Certificates kept in a real folder; the CA is played by a function, so that hours pass at once. */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { ChallengeSolver, IssueOptions, Renewal } from "@lib/acme/mod.ts";
import { type ThrowawayCa, throwawayCa } from "@lib/testing/mod.ts";
import { CertificateKeeper } from "./certificate_keeper.ts";
import { PairFolder } from "./pair_folder.ts";

const solver: ChallengeSolver = { types: [], present: () => Promise.resolve(), clear: () => Promise.resolve() };
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const name = "www.example.org";

/** A CA that does what the test says. */
class PlayedCa {
  readonly orders: IssueOptions[] = [];
  /** What the next orders fail with. */
  failures: Error[] = [];
  /** Orders wait until it resolves. */
  gate: Promise<void> = Promise.resolve();
  running = 0;
  most = 0;
  /** After an order, until the renewal. */
  renewAfterMs = 60 * dayMs;
  askAgainMs = 6 * hourMs;

  constructor(readonly ca: ThrowawayCa, readonly clock: FakeClock) {}

  async issue(options: IssueOptions) {
    this.orders.push(options);
    this.most = Math.max(this.most, ++this.running);
    try {
      await this.gate;
      options.signal?.throwIfAborted();
      const failure = this.failures.shift();
      if (failure !== undefined) throw failure;
      const notAfter = new Date(this.clock.now() + 90 * dayMs);
      const { cert, key } = await this.ca.issue([...options.names], notAfter);
      return { chainPem: `${cert}\n`, keyPem: `${key}\n`, notAfter };
    } finally {
      this.running--;
    }
  }

  renewal(): Promise<Renewal> {
    const now = this.clock.now();
    return Promise.resolve({
      at: new Date(now + this.renewAfterMs),
      askAgainAt: new Date(now + this.askAgainMs),
      explanationUrl: "",
      byCa: true,
    });
  }
}

interface Scene {
  dir: string;
  clock: FakeClock;
  ca: PlayedCa;
  /** @param client the way to the CA; default: one that works */
  keeper(client?: () => PlayedCa): CertificateKeeper & AsyncDisposable;
  /** Lets everything that is due happen. */
  settle(keeper: CertificateKeeper): Promise<void>;
}

async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "keeper-" });
  const clock = new FakeClock(Date.now());
  const ca = new PlayedCa(await throwawayCa(), clock);
  const keeper = (client = () => ca) => {
    const folder = new PairFolder(`${dir}/acme`);
    const made = new CertificateKeeper({
      folder,
      client,
      solver,
      clock,
      log: silentLogger,
      lookMs: 3_600_000,
      random: () => 0,
    });
    made.start();
    return Object.assign(made, {
      async [Symbol.asyncDispose]() {
        await made.close();
        folder.close();
      },
    });
  };
  const settle = async (keeper: CertificateKeeper) => {
    keeper.look();
    for (let turn = 0; turn < 3; turn++) {
      await keeper.settled();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  try {
    await work({ dir, clock, ca, keeper, settle });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("CertificateKeeper orders a new name's certificate and keeps it, with its key for no other eyes", () =>
  withScene(async ({ dir, ca, keeper, settle }) => {
    {
      await using first = keeper();
      first.retain(new Set([name]));
      assert.equal(first.find(name).error, "the certificate is being ordered");
      await settle(first);
      const { names, context, error, notAfter } = first.find(name);
      assert.deepEqual([names, error], [[name], ""]);
      assert.ok(context !== null && notAfter !== null);
      assert.deepEqual(ca.orders.map((each) => each.names), [[name]]);
      for (const file of [`${name}.key`, "account.key"]) {
        assert.equal(Deno.statSync(`${dir}/acme/${file}`).mode! & 0o777, 0o600, file);
      }
    }
    await using second = keeper();
    second.retain(new Set([name]));
    assert.ok(second.find(name).context !== null, "at once, from the folder");
    await settle(second);
    assert.equal(ca.orders.length, 1);
  }));

Deno.test("CertificateKeeper renews when it is time, names what it replaces, and asks the CA again", () =>
  withScene(async ({ clock, ca, keeper, settle }) => {
    await using kept = keeper();
    kept.retain(new Set([name]));
    await settle(kept);
    const old = kept.find(name);
    clock.advance(59 * dayMs);
    ca.renewAfterMs = dayMs;
    await settle(kept);
    assert.equal(ca.orders.length, 1);
    clock.advance(2 * dayMs);
    await settle(kept);
    assert.equal(ca.orders.length, 2);
    assert.match(ca.orders[1]!.replaces!, /BEGIN CERTIFICATE/);
    assert.notEqual(kept.find(name).context, old.context);
    // The CA hurries: it is heard at the next question, six hours later.
    ca.renewAfterMs = -1;
    clock.advance(5 * hourMs);
    await settle(kept);
    assert.equal(ca.orders.length, 2);
    clock.advance(2 * hourMs);
    await settle(kept);
    assert.equal(ca.orders.length, 3);
  }));

Deno.test("CertificateKeeper tries again after 1, 2, 4 … minutes and at most every 6 hours; the old one stays in use", () =>
  withScene(async ({ clock, ca, keeper, settle }) => {
    await using kept = keeper();
    kept.retain(new Set([name]));
    await settle(kept);
    const { context } = kept.find(name);
    clock.advance(60 * dayMs);
    ca.failures = Array.from({ length: 13 }, () => new PlatformError("denied", "the CA says no"));
    const minutes: number[] = [];
    await settle(kept);
    for (let count = 0; count < 12; count++) {
      const orders = ca.orders.length;
      const next = Date.parse(/next at (\S+)$/.exec(kept.find(name).error)![1]!);
      minutes.push((next - clock.now()) / 60_000);
      clock.advance(next - clock.now() - 1);
      await settle(kept);
      assert.equal(ca.orders.length, orders);
      clock.advance(1);
      await settle(kept);
      assert.equal(ca.orders.length, orders + 1);
    }
    assert.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
    assert.equal(kept.find(name).context, context);
    assert.match(
      kept.alarms().join(),
      /^ACME www.example.org: the certificate can't be renewed and ends at 20.*: the CA says no; tried 13 times, next at 20/,
    );
    clock.advance(6 * hourMs);
    await settle(kept);
    assert.notEqual(kept.find(name).context, context);
    assert.deepEqual(kept.alarms(), []);
  }));

Deno.test("CertificateKeeper waits as long as the CA says, up to a day", () =>
  withScene(async ({ clock, ca, keeper, settle }) => {
    await using kept = keeper();
    const limited = (seconds: number) => new PlatformError("rate_limited", "too many", { retryAfterSeconds: seconds });
    ca.failures = [limited(7200), limited(7 * 86_400)];
    kept.retain(new Set([name]));
    await settle(kept);
    assert.match(kept.find(name).error, /^no certificate: too many; tried once, next at /);
    for (const [ms, orders] of [[7_199_000, 1], [1000, 2], [dayMs - 1, 2], [1, 3]] as const) {
      clock.advance(ms);
      await settle(kept);
      assert.equal(ca.orders.length, orders, `${ms}`);
    }
    assert.equal(kept.find(name).error, "");
  }));

Deno.test("CertificateKeeper runs four orders at once, one for each name", () =>
  withScene(async ({ ca, keeper, settle }) => {
    await using kept = keeper();
    const gate = Promise.withResolvers<void>();
    ca.gate = gate.promise;
    const names = Array.from({ length: 10 }, (_, n) => `n${n}.example.org`);
    kept.retain(new Set(names));
    for (let looks = 0; looks < 5; looks++) kept.look();
    while (ca.running < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    gate.resolve();
    for (let turn = 0; turn < 20; turn++) await settle(kept);
    assert.equal(ca.most, 4);
    assert.deepEqual(ca.orders.map((each) => each.names[0]).sort(), names.sort());
    assert.deepEqual(kept.alarms(), []);
  }));

Deno.test("CertificateKeeper gives up an order for a name that nobody wants any more", () =>
  withScene(async ({ dir, ca, keeper, settle }) => {
    await using kept = keeper();
    const gate = Promise.withResolvers<void>();
    ca.gate = gate.promise;
    kept.retain(new Set([name]));
    while (ca.running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    kept.retain(new Set());
    gate.resolve();
    await settle(kept);
    assert.equal(kept.find(name).error, "not wanted");
    assert.throws(() => Deno.statSync(`${dir}/acme/${name}.pem`), Deno.errors.NotFound);
  }));

Deno.test("CertificateKeeper: of two over one folder one orders, the other takes what it writes, and takes over", () =>
  withScene(async ({ ca, clock, keeper, settle }) => {
    const first = keeper();
    await using second = keeper();
    const wanted = new Set([name]);
    first.retain(wanted);
    second.retain(wanted);
    await settle(first);
    await settle(second);
    assert.equal(ca.orders.length, 1);
    assert.deepEqual(second.find(name).names, [name]);
    await first[Symbol.asyncDispose]();
    clock.advance(61 * dayMs);
    ca.renewAfterMs = -1;
    ca.askAgainMs = 100 * dayMs;
    await settle(second);
    ca.renewAfterMs = 60 * dayMs;
    await settle(second);
    assert.ok(ca.orders.length >= 2);
  }));

Deno.test("PairFolder mends what a crash between its two renames left", () =>
  withScene(async ({ dir, clock, ca }) => {
    const folder = new PairFolder(`${dir}/acme`);
    try {
      const [old, fresh] = [await ca.ca.issue([name]), await ca.ca.issue([name], new Date(Date.now() + 50 * dayMs))];
      folder.write(name, old.cert, old.key);
      assert.ok(folder.load(name, clock, silentLogger) !== null);
      Deno.writeTextFileSync(`${dir}/acme/${name}.key`, fresh.key);
      assert.equal(folder.load(name, clock, silentLogger), null);
      Deno.writeTextFileSync(`${dir}/acme/${name}.pem.new`, fresh.cert);
      assert.equal(folder.load(name, clock, silentLogger)?.chainPem, fresh.cert);
      const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
      folder.write(long, old.cert, old.key);
      assert.notEqual(folder.stamp(long), "");
    } finally {
      folder.close();
    }
  }));

Deno.test("CertificateKeeper that can't ask when to renew says so, and waits before it tries again", () =>
  withScene(async ({ clock, ca, keeper, settle }) => {
    {
      await using first = keeper();
      first.retain(new Set([name]));
      await settle(first);
    }
    let tries = 0, isBroken = true;
    await using second = keeper(() => {
      tries++;
      if (isBroken) throw new Error("the account's key can't be read");
      return ca;
    });
    second.retain(new Set([name]));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(tries, 1);
    assert.match(second.alarms().join(), /can't be renewed and ends at .*: the account's key can't be read/);
    assert.ok(second.find(name).context !== null, "served all the same");
    isBroken = false;
    clock.advance(hourMs);
    await settle(second);
    assert.deepEqual([tries, second.alarms()], [2, []]);
  }));
