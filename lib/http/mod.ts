/**
 * HTTP servers and clients of the platform.
 * @module
 */
export { type ClientRequest, type ClientResponse, HttpsClient, type HttpsClientOptions } from "./client.ts";
export { defaultLimits, type HttpLimits } from "./limits.ts";
export { type Problem, problemOf, problemResponse } from "./problem.ts";
export { type FetchHandler, type HttpServer, type RequestInfo, serveHttp, type ServeHttpOptions } from "./serve.ts";
