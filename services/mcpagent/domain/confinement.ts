import { denied } from "@lib/errors/mod.ts";

/** Whether `path` is `folder` or below it. Both absolute, without "." and ".." parts. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/**
 * Refuses a grant outside of what belongs to a service. The platform's own services are not asked: their
 * definitions come from the node itself or from an admin.
 * @param allowed folders and files that the service may use
 * @throws PlatformError denied (rule "own-data")
 */
export function refuseForeignPath(service: string, path: string, allowed: readonly string[], reason: string): void {
  if (path.startsWith("/") && !path.split("/").includes("..") && allowed.some((folder) => isBelow(path, folder))) {
    return;
  }
  throw denied("own-data", `Service ${service} can't use ${path} (${reason}): it is not the service's own`, {
    hint: `Its data belongs into ${allowed[0] ?? "its own folder"}`,
  });
}
