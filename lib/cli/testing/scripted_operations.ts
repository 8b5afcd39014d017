import { create, type DescService, toJson } from "@bufbuild/protobuf";
import { type Call, type Handlers, implement, type Operation } from "@lib/contract/mod.ts";

/** What a scripted service was asked and what it answers. */
export interface Script {
  /** What was asked, `GetZone {"zone":"example.org"}`, in order. */
  readonly asked: string[];
  /** By method: a message, several of a stream, an error, or what makes one of the request. A method that is missing answers an empty message. */
  answers: object;
}

/** A service that answers what its script says at the moment of the call. */
export function scriptedOperations<S extends DescService>(service: S, script: Script): Operation[] {
  const handlers = Object.fromEntries(service.methods.map((method) => {
    const answer = (request: unknown) => {
      script.asked.push(
        `${method.name} ${JSON.stringify(toJson(method.input, create(method.input, request as never)))}`,
      );
      const given = (script.answers as Record<string, unknown>)[method.localName] ?? {};
      const answered = typeof given === "function" ? given(request) : given;
      if (answered instanceof Error) throw answered;
      return answered;
    };
    if (method.methodKind !== "server_streaming") return [method.localName, answer];
    return [method.localName, async function* (request: unknown, _call: Call) {
      yield* await Promise.resolve(answer(request) as unknown[]);
    }];
  }));
  return implement(service, handlers as unknown as Handlers<S>);
}
