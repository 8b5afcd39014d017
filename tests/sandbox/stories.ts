/**
 * A short story per program: it starts, does everything once that it has a grant for, and stops. A story throws when
 * something in it does not come about.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { pushBundle, RegistryClient } from "@lib/oci/mod.ts";
import { TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { RepositoryService } from "@proto/mcr/v1/mcr_pb.ts";
import { CaService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { adminName } from "../../deploy/local/bootstrap.ts";
import { loopback, serviceZone } from "../../deploy/local/layout.ts";
import { DnsAsker } from "../stories/dns_asker.ts";
import type { SandboxBench, StartOptions, Subject } from "./bench.ts";
import { agentStory } from "./agent_story.ts";

export interface Story {
  /** MCIAS runs beside it, to know the tokens. */
  needsMcias?: boolean;
  /** Grants that this program makes no use of though every program of its kind has them, with the reason. */
  spare?: Readonly<Record<string, string>>;
  run(bench: SandboxBench, options: StartOptions): Promise<void>;
}

/** Starts the program, lets the story happen, and has it stop in order. */
function story(subject: Subject, ready: RegExp, happen: (bench: SandboxBench) => Promise<void>): Story["run"] {
  return async (bench, options) => {
    await using program = bench.start(subject, options);
    await program.until(ready);
    await happen(bench);
    equal(await program.stop(), 0, program.output);
  };
}

const ready = / ready service=/;
const deadlineMs = 5000;

export const stories: Record<Subject, Story> = {
  mcias: {
    run: story("mcias", ready, async (bench) => {
      const { password } = bench;
      const login = JSON.parse(await bench.rest("mcias", "POST /v1/auth/login", { username: adminName, password }));
      const address = `${loopback}:${bench.layout.ports.mcias.grpc}`;
      await using tokens = grpcClient(TokenService, { address, tls: bench.tls, deadlineMs });
      ok((await tokens.validateToken({ token: String(login.token) })).valid);
    }),
  },
  metacrypt: {
    needsMcias: true,
    run: story("metacrypt", ready, async (bench) => {
      match(await bench.rest("metacrypt", "GET /v1/ca"), /"pki"/);
      const address = `${loopback}:${bench.layout.ports.metacrypt.grpc}`;
      await using ca = grpcClient(CaService, { address, tls: bench.tls, token: () => bench.token, deadlineMs });
      const issued = await ca.issueCertificate({ mount: "pki", names: [`story.${serviceZone}`] });
      match(issued.privateKeyPem, /PRIVATE KEY/);
    }),
  },
  mcns: {
    needsMcias: true,
    run: story("mcns", ready, async (bench) => {
      const record = { name: "story", type: "A", values: ["127.0.0.9"] };
      await bench.rest("mcns", `PUT /v1/zones/${serviceZone}/records`, record);
      const asker = new DnsAsker(`${loopback}:${bench.layout.ports.dns}`);
      try {
        equal((await asker.ask(`story.${serviceZone}`))?.addresses.join(), "127.0.0.9");
      } finally {
        await asker.close();
      }
      const address = `${loopback}:${bench.layout.ports.mcns.grpc}`;
      await using zones = grpcClient(ZoneService, { address, tls: bench.tls, token: () => bench.token, deadlineMs });
      equal((await zones.listZones({})).zones.length, 2);
    }),
  },
  mcproxy: { needsMcias: true, run: proxyStory },
  mcr: {
    needsMcias: true,
    run: story("mcr", ready, async (bench) => {
      await pushHello(bench, "story");
      const address = `${loopback}:${bench.layout.ports.mcr.grpc}`;
      await using all = grpcClient(RepositoryService, {
        address,
        tls: bench.tls,
        token: () => bench.token,
        deadlineMs,
      });
      ok((await all.listRepositories({})).repositories.some(({ name }) => name === "story"));
    }),
  },
  hello: {
    spare: { "env PORT_MAIN": "the agent tells a single port under two names; hello reads the shorter" },
    run: async (bench, options) => {
      await using program = bench.start("hello", options);
      await program.listening(bench.helloPort);
      const answer = await fetch(`http://${loopback}:${bench.helloPort}/`);
      equal(await answer.text(), "Moin, world!\n");
      equal(await program.stop(), 0, program.output);
    },
  },
  mcpagent: { run: agentStory },
};

/** Pushes hello's bundle. @returns its image's name in definitions, without the registry */
export async function pushHello(bench: SandboxBench, repository: string): Promise<string> {
  const address = `${loopback}:${bench.layout.ports.mcr.rest}`;
  const client = new HttpsClient({ address, ...bench.tls, timeoutMs: deadlineMs });
  try {
    const registry = new RegistryClient({ client, username: adminName, password: bench.token });
    const { config, files } = bench.hello;
    await pushBundle(registry, { repository, tag: "v1.0.0", config, files });
  } finally {
    client.close();
  }
  return `${repository}:v1.0.0`;
}

async function proxyStory(bench: SandboxBench, options: StartOptions): Promise<void> {
  const { layout } = bench;
  const hostname = `mcr.${serviceZone}`;
  const [tlsCert, tlsKey] = [layout.srv("mcproxy", "certs", "story.pem"), layout.srv("mcproxy", "certs", "story.key")];
  copyFileSync(layout.srv("mcr", "tls", "cert.pem"), tlsCert);
  copyFileSync(layout.srv("mcr", "tls", "key.pem"), tlsKey);
  const [admin, rest] = [layout.srv("mcproxy", "run", "admin.sock"), layout.srv("mcproxy", "run", "rest.sock")];
  const accessLog = layout.srv("mcproxy", "log", "access.log");
  if (existsSync(accessLog)) Deno.removeSync(accessLog);
  await using backend = Deno.serve({ hostname: loopback, port: 0, onListen() {} }, () => new Response("from behind"));
  await using program = bench.start("mcproxy", options);
  await program.until(ready);

  await using routes = grpcClient(RouteService, { address: `unix:${admin}`, deadlineMs });
  const backends = [`${loopback}:${backend.addr.port}`];
  await routes.putRoute({ listener: "https", hostname, mode: "l7", backends, tlsCert, tlsKey });
  const address = `${loopback}:${layout.ports.proxy}`;
  const client = new HttpsClient({ address, serverName: hostname, ca: bench.ca, timeoutMs: deadlineMs });
  try {
    const { body } = await client.request({ method: "GET", path: "/" });
    equal(await new Response(body).text(), "from behind");
  } finally {
    client.close();
  }
  match(await (await fetch(`http://${loopback}:${layout.ports.proxyMetrics}/metrics`)).text(), /mcproxy/);
  const local = Deno.createHttpClient({ proxy: { transport: "unix", path: rest } });
  match(await (await fetch("http://localhost/v1/health", { client: local })).text(), /serving/);
  local.close();
  await adminsFromOutside(bench, hostname);
  await routes.deleteRoute({ listener: "https", hostname });

  equal(await program.stop(), 0, program.output);
  match(Deno.readTextFileSync(accessLog), new RegExp(`"hostname":"${hostname}","method":"GET","path":"/"`));
  for (const socket of [admin, rest]) ok(!existsSync(socket), `${socket} is left behind`);
}

/** The same over TLS, for who has a token that MCIAS knows. */
async function adminsFromOutside({ layout, tls, token }: SandboxBench, hostname: string): Promise<void> {
  const { rest, grpc } = layout.ports.proxyAdmin;
  await using routes = grpcClient(RouteService, {
    address: `${loopback}:${grpc}`,
    tls,
    token: () => token,
    deadlineMs,
  });
  deepEqual((await routes.listRoutes({})).routes.map((route) => route.hostname), [hostname]);
  const client = new HttpsClient({ address: `${loopback}:${rest}`, ...tls, timeoutMs: deadlineMs });
  try {
    const page = await client.request({ method: "GET", path: "/sign-in" });
    match(await new Response(page.body).text(), /Sign in/);
    const headers = { authorization: `Bearer ${token}` };
    const stats = await client.request({ method: "GET", path: "/v1/stats", headers });
    match(await new Response(stats.body).text(), new RegExp(hostname));
  } finally {
    client.close();
  }
}
