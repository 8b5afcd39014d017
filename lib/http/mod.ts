/**
 * HTTP servers and clients of the platform.
 * @module
 */
export { type ClientRequest, type ClientResponse, HttpsClient, type HttpsClientOptions } from "./client.ts";
export { defaultLimits, type HttpLimits } from "./limits.ts";
export { type Problem, problemOf, problemResponse } from "./problem.ts";
export { type HttpServer, serveHttp } from "./serve.ts";
export type { FetchHandler, RequestInfo, ServeHttpOptions } from "./serve_options.ts";
