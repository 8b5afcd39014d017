/**
 * Debian's Chromium, driven over its DevTools protocol. Elements are found as assistive technology finds them, by role
 * and name, so whatever a test can use somebody with a screen reader can find.
 * @module
 */

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
  sessionId?: string;
}

/** How long anything in a page may take. */
const patienceMs = 20_000;

/** One Chromium with a profile of its own. */
export class Chromium implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #stderr: Promise<void>;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #lastId = 0;

  private constructor(child: Deno.ChildProcess, socket: WebSocket, profile: string, stderr: Promise<void>) {
    this.#child = child;
    this.#socket = socket;
    this.#profile = profile;
    this.#stderr = stderr;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.id === undefined) return this.#listeners.forEach((listener) => listener(message));
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
    };
  }

  static async start(): Promise<Chromium> {
    const profile = await Deno.makeTempDir({ prefix: "chromium-" });
    const child = new Deno.Command("chromium", {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // The test's certificates come from a root that this profile doesn't know.
        "--ignore-certificate-errors",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const address = Promise.withResolvers<string>();
    const stderr = (async () => {
      let text = "";
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
        text = (text + chunk).slice(-10_000);
        const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
        if (found !== undefined) address.resolve(found);
      }
      address.reject(new Error(`chromium ended before it listened:\n${text}`));
    })();
    // Unused when it ends later.
    address.promise.catch(() => {});
    const socket = new WebSocket(await address.promise);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new Chromium(child, socket, profile, stderr);
  }

  send(method: string, params: Record<string, unknown> = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    this.#answers.set(id, ({ result, error }) => {
      if (error === undefined) resolve(result ?? {});
      else reject(new Error(`${method}: ${error.message}`));
    });
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return promise;
  }

  /** Calls the listener for every event, until the returned function is called. */
  listen(listener: (message: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new tab. @param scripts false: pages' own scripts don't run */
  async tab({ scripts = true }: { scripts?: boolean } = {}): Promise<Tab> {
    // A context of its own: its cookies are nobody else's.
    const { browserContextId } = await this.send("Target.createBrowserContext");
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, String(sessionId));
    for (const domain of ["Page", "DOM", "Accessibility", "Log", "Runtime"]) await tab.send(`${domain}.enable`);
    if (!scripts) await tab.send("Emulation.setScriptExecutionDisabled", { value: true });
    return tab;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.send("Browser.close").catch(() => {});
    await closed;
    await this.#child.status;
    await this.#stderr;
    await Deno.remove(this.#profile, { recursive: true });
  }
}

interface AccessibleNode {
  ignored?: boolean;
  role?: { value: string };
  name?: { value: string };
  backendDOMNodeId?: number;
}

export interface Screen {
  width: number;
  height: number;
  dark?: boolean;
}

/** One page after the other. */
export class Tab {
  readonly #browser: Chromium;
  readonly #session: string;
  /** What the browser complained about: refused by the content security policy, not found, wrong in a script. */
  readonly complaints: string[] = [];

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
    browser.listen(({ method, params, sessionId }) => {
      if (sessionId !== session) return;
      if (method === "Log.entryAdded") this.complaints.push((params as { entry: { text: string } }).entry.text);
      if (method === "Runtime.exceptionThrown") this.complaints.push(JSON.stringify(params));
    });
  }

  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#session);
  }

  /** The value of an expression in the page; works while the page's own scripts are off. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  /** Does `act` and waits until the page that it leads to has loaded. */
  async loads(act: () => Promise<unknown>): Promise<void> {
    const loaded = Promise.withResolvers<void>();
    const stop = this.#browser.listen(({ method, sessionId }) => {
      if (sessionId === this.#session && method === "Page.loadEventFired") loaded.resolve();
    });
    const timer = setTimeout(() => loaded.reject(new Error("the page did not load")), patienceMs);
    try {
      await act();
      await loaded.promise;
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  goto(url: string): Promise<void> {
    return this.loads(() => this.send("Page.navigate", { url }));
  }

  get url(): Promise<string> {
    return this.evaluate<string>("location.href");
  }

  /** The text of the page's content, as it is shown. */
  get text(): Promise<string> {
    return this.evaluate<string>("document.querySelector('main').innerText");
  }

  /** All elements of a role, with their names, in the order of the page. */
  async all(role?: string): Promise<{ role: string; name: string; id: number }[]> {
    const { nodes } = await this.send("Accessibility.getFullAXTree") as unknown as { nodes: AccessibleNode[] };
    return nodes.filter((node) => !node.ignored && node.backendDOMNodeId !== undefined).map((node) => ({
      role: node.role?.value ?? "",
      name: node.name?.value ?? "",
      id: node.backendDOMNodeId!,
    })).filter((node) => role === undefined || node.role === role);
  }

  /** The element of that role and name; the first one when there are several. */
  async #find(role: string, name: string): Promise<number> {
    const nodes = await this.all(role);
    const found = nodes.find((node) => node.name === name);
    if (found !== undefined) return found.id;
    throw new Error(
      `no ${role} ${JSON.stringify(name)} on ${await this.url}; there are: ${
        nodes.map((node) => JSON.stringify(node.name)).join(", ")
      }\n${await this.text}`,
    );
  }

  async #on(id: number, functionDeclaration: string, value?: string): Promise<void> {
    const { object } = await this.send("DOM.resolveNode", { backendNodeId: id }) as { object: { objectId: string } };
    const { objectId } = object;
    await this.send("Runtime.callFunctionOn", { objectId, functionDeclaration, arguments: [{ value }] });
  }

  /** Points at an element and presses the mouse's button. */
  async press(role: string, name: string): Promise<void> {
    const id = await this.#find(role, name);
    await this.send("DOM.scrollIntoViewIfNeeded", { backendNodeId: id });
    const { quads } = await this.send("DOM.getContentQuads", { backendNodeId: id }) as { quads: number[][] };
    const [x0, y0, , , x1, y1] = quads[0]!;
    const point = { x: (x0! + x1!) / 2, y: (y0! + y1!) / 2, button: "left", clickCount: 1 };
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.send("Input.dispatchMouseEvent", { type, ...point });
    }
  }

  /** Presses what leads to another page, and waits for that. */
  follow(role: string, name: string): Promise<void> {
    return this.loads(() => this.press(role, name));
  }

  /** Types in place of what the field holds. */
  async fill(name: string, value: string, role = "textbox"): Promise<void> {
    const id = await this.#find(role, name);
    await this.send("DOM.focus", { backendNodeId: id });
    await this.#on(id, "function () { this.select(); }");
    if (value === "") await this.#on(id, "function () { this.value = ''; }");
    else await this.send("Input.insertText", { text: value });
  }

  async choose(name: string, value: string): Promise<void> {
    await this.#on(await this.#find("combobox", name), "function (value) { this.value = value; }", value);
  }

  /** Sends a key, as "Tab" or "Enter", to what has the focus. */
  async key(key: string): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, Enter: 13 };
    const text = key === "Enter" ? { text: "\r" } : {};
    const event = { key, code: key, windowsVirtualKeyCode: codes[key] ?? 0 };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...text });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async screen({ width, height, dark = false }: Screen): Promise<void> {
    const mobile = width < 600;
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
  }

  /** The visible part of the page as PNG. */
  async screenshot(): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", optimizeForSpeed: false });
    return Uint8Array.fromBase64(String(data));
  }

  /** By how many pixels the page is wider than its window. */
  get overflow(): Promise<number> {
    return this.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
  }
}
