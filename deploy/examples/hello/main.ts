/**
 * Hello: greets by name, and shows what a service of the platform looks like. The agent says in $PORT where to listen;
 * certificate, name and route are its affair.
 */
const greeting = Deno.env.get("GREETING") ?? "Hello";

/** "/kyle" greets Kyle; "/" greets the world; "/healthz" is asked by the agent. */
export function answer(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") return new Response("Only GET\n", { status: 405, headers: { allow: "GET" } });
  if (pathname === "/healthz") return new Response("ok\n");
  let name: string;
  try {
    name = decodeURIComponent(pathname.slice(1)) || "world";
  } catch {
    return new Response("That name can't be read\n", { status: 400 });
  }
  return new Response(`${greeting}, ${name}!\n`, { headers: { "content-type": "text/plain; charset=utf-8" } });
}

if (import.meta.main) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT") ?? 8000) }, answer);
  // Requests under way are answered before the process ends.
  Deno.addSignalListener("SIGTERM", () => server.shutdown());
  await server.finished;
}
