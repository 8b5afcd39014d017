/** What could not be done, in words for an operator. */
export class Problems {
  readonly #services = new Map<string, readonly string[]>();
  readonly #topics = new Map<string, readonly string[]>();

  /** Replaces what is still to be done for a service; the caretaker tries again until it is empty. */
  setService(service: string, texts: readonly string[]): void {
    this.#services.set(service, texts);
    if (texts.length === 0) this.#services.delete(service);
  }

  /** Replaces what is wrong elsewhere: "certificates", "platform definitions". */
  setTopic(topic: string, texts: readonly string[]): void {
    this.#topics.set(topic, texts);
  }

  /** Services for which something is still to be done. */
  services(): string[] {
    return [...this.#services.keys()];
  }

  /** All of it, a line each. */
  list(): string[] {
    return [...this.#services, ...this.#topics].flatMap(([of, texts]) => texts.map((text) => `${of}: ${text}`)).sort();
  }
}
