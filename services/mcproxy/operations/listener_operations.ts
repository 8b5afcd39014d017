/**
 * Listeners over the API.
 * @module
 */
import { implement, type Operation } from "@lib/contract/mod.ts";
import { ListenerService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { ListenerSet, OpenListener } from "../listening/listener_set.ts";

export function listenerOperations(listeners: ListenerSet): Operation[] {
  return [
    ...implement(ListenerService, {
      putListener: (request) => listenerMessage(listeners.put(request)),
      listListeners: () => ({ listeners: listeners.all().map(listenerMessage) }),
      deleteListener: ({ name }) => ({ deleted: listeners.delete(name) }),
    }),
  ];
}

function listenerMessage({ listener, fromConfig, address }: OpenListener) {
  return {
    name: listener.name,
    address,
    kind: listener.kind,
    proxyProtocolFrom: [...listener.proxyProtocolFrom],
    fromConfig,
  };
}
