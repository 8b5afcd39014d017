/** TSIG keys: for admins only. A secret is in the answer to CreateTsigKey and nowhere else. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation, pageOf, parsePage } from "@lib/contract/mod.ts";
import { type TsigKeySchema, TsigService, type UpdateScope } from "@proto/mcns/v1/transfer_pb.ts";
import { parseTsigAlgorithm, parseTsigName, parseTsigSecret } from "../domain/tsig_key.ts";
import { formatScope, parseScope, type Scope } from "../domain/update_scope.ts";
import { by } from "./by.ts";
import { optionalTime } from "./timestamps.ts";
import type { TsigControl, TsigKeyRow } from "./tsig_control.ts";

export function tsigOperations(keys: TsigControl): Operation[] {
  return implement(TsigService, {
    createTsigKey: (request, call) => {
      const { key, secret } = keys.create({
        name: parseTsigName(request.name),
        algorithm: parseTsigAlgorithm(request.algorithm),
        scopes: scopesOf(request.scopes),
        secret: request.secret === "" ? null : parseTsigSecret(request.secret),
      }, by(call));
      return { key: shown(key), secret: secret.toBase64() };
    },

    listTsigKeys: (request) => {
      const page = parsePage(request);
      const rows = [...keys.list({ limit: page.limit + 1, after: page.after })];
      const { items, nextPageToken } = pageOf(rows, page, ({ name }) => name);
      return { keys: items.map(shown), nextPageToken };
    },

    setTsigScopes: (request, call) =>
      shown(keys.setScopes(parseTsigName(request.name), scopesOf(request.scopes), by(call))),

    deleteTsigKey: (request, call) => {
      keys.delete(parseTsigName(request.name), by(call));
      return {};
    },
  });
}

function scopesOf(scopes: readonly UpdateScope[]): Scope[] {
  return scopes.map((scope, i) => parseScope(scope, `scopes[${i}]`));
}

function shown({ name, algorithm, scopes, createdAt, usedAt }: TsigKeyRow): MessageInitShape<typeof TsigKeySchema> {
  return {
    name,
    algorithm,
    scopes: scopes.map((scope) => {
      const { zone, names, types } = formatScope(scope);
      return { zone, names: [...names], types: [...types] };
    }),
    createdAt: timestampFromMs(createdAt),
    ...optionalTime("usedAt", usedAt),
  };
}
