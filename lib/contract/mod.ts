/**
 * One definition per operation: from the descriptors in proto/ and one typed
 * handler per RPC come the REST routes, the OpenAPI document and (in lib/grpc) the
 * gRPC server and clients, all behind one access check and one validation.
 * @module
 */
export { type AccessRule, checkAccess, identify, refuseScopes } from "./access.ts";
export type { RestBinding } from "./binding.ts";
export { type Authentication, type Call, requestIdFrom, requireCaller, tokenFrom, type Transport } from "./call.ts";
export { type LocalClient, localClient, type LocalOptions } from "./local_client.ts";
export { CallRecord, type Observation, type Observe } from "./observation.ts";
export { openApi } from "./openapi.ts";
export { type Handler, type Handlers, implement, maxBodyBytes, type Operation, operationName } from "./operation.ts";
export { nextPageToken, type Page, type PageLimits, pageOf, parsePage } from "./paging.ts";
export { type Problem, problemOf, problemResponse } from "./problem.ts";
export { type RestApp, restApp, type RestOptions } from "./rest_app.ts";
