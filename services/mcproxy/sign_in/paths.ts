/**
 * What the proxy answers itself, on names of which some route asks for sign-in.
 * @module
 */

export const ownPrefix = "/.mcproxy/";
export const signInPath = "/.mcproxy/sign-in";
export const signOutPath = "/.mcproxy/sign-out";
/** In front of the addresses of lib/web's files. */
export const assetsBelow = "/.mcproxy";
