/**
 * Binds TCP addresses and unix sockets, with errors that name them.
 * @module
 */
import { conflict, messageOf, unavailable } from "@lib/errors/mod.ts";
import { type Address, formatAddress } from "./address.ts";

/**
 * Binds a TCP address.
 * @param reusePort lets a second process of ours bind the same address, for a restart without a gap; needs --unstable-net
 * @throws PlatformError `unavailable` naming the address when it is taken or not ours
 */
export function listenTcp(address: Address & { kind: "tcp" }, reusePort: boolean): Deno.TcpListener {
  const { hostname, port } = address;
  try {
    return Deno.listen(reusePort ? { hostname, port, reusePort } : { hostname, port });
  } catch (error) {
    const at = formatAddress(address);
    if (error instanceof Deno.errors.AddrInUse) {
      throw unavailable(`Cannot listen on ${at}: the address is in use`, {
        hint: `Find the program that holds it: ss -ltnp 'sport = :${port}'`,
        cause: error,
      });
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw unavailable(`Cannot listen on ${at}: this machine has no such address`, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw unavailable(`Cannot listen on ${at}: not permitted (ports below 1024 need a capability)`, { cause: error });
    }
    throw error;
  }
}

/** A listening unix socket. */
export interface UnixListener {
  accept(): Promise<Deno.UnixConn>;
  /** Stops listening and removes the file, unless another process has put its own there. */
  close(): void;
}

/**
 * Binds a unix socket with mode 0660. It takes the place of one that is there, without a moment in which nobody
 * listens: a dead program's, or that of the running program which this one is to replace.
 *
 * It is bound as `<path>.new` and renamed, because Deno removes the file of the name it bound when the listener
 * closes, and would take away a successor's. Needs net permission for `unix:<path>.new`, read and write on both names.
 * @throws PlatformError `conflict` when the path is taken by something that is no socket, `unavailable` when it can't be bound
 */
export function listenUnix(path: string): UnixListener {
  const fresh = `${path}.new`;
  mustBeSocketOrFree(path);
  if (mustBeSocketOrFree(fresh)) Deno.removeSync(fresh);
  let listener: Deno.UnixListener;
  let inode: number | null;
  try {
    listener = Deno.listen({ transport: "unix", path: fresh });
    try {
      Deno.chmodSync(fresh, 0o660);
    } catch {
      // Modes are best effort (rootless containers, odd file systems); the folder is what protects the socket.
    }
    inode = Deno.lstatSync(fresh).ino;
    Deno.renameSync(fresh, path);
  } catch (error) {
    throw unavailable(`Cannot listen on unix:${path}: ${messageOf(error)}`, { cause: error });
  }
  return {
    accept: () => listener.accept(),
    close() {
      try {
        // Before closing: an open socket keeps its inode number from being given to a successor's.
        if (Deno.lstatSync(path).ino === inode) Deno.removeSync(path);
      } catch {
        // Gone already.
      }
      listener.close();
    },
  };
}

/** Whether a socket is there. */
function mustBeSocketOrFree(path: string): boolean {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch {
    return false;
  }
  if (!found.isSocket) throw conflict(`Cannot listen on unix:${path}: a file that is no socket is there`);
  return true;
}
