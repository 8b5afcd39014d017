/**
 * Callers, their tokens, and the client side of MCIAS.
 * @module
 */
export { type Authenticate, bearerToken, type Caller, hasRole, isAdmin, isUser, localCaller } from "./caller.ts";
export { maxTokenBytes, TokenVerifier, type VerifierOptions } from "./token_verifier.ts";
export { TokenFile, type TokenFileOptions } from "./token_file.ts";
export { type MciasOptions, type MciasVerifier, mciasVerifier } from "./mcias_verifier.ts";
export { type MciasLogin, mciasLogin } from "./mcias_login.ts";
