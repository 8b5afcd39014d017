/**
 * The database's history, oldest first.
 * @module
 */
import type { Migration } from "@lib/db/mod.ts";
import routes from "./migrations/001_routes.sql" with { type: "text" };
import routeSettings from "./migrations/002_route_settings.sql" with { type: "text" };
import firewall from "./migrations/003_firewall.sql" with { type: "text" };
import signIn from "./migrations/004_sign_in.sql" with { type: "text" };
import clientCertificates from "./migrations/005_client_certificates.sql" with { type: "text" };

export const migrations: readonly Migration[] = [
  { name: "001_routes", sql: routes },
  { name: "002_route_settings", sql: routeSettings },
  { name: "003_firewall", sql: firewall },
  { name: "004_sign_in", sql: signIn },
  { name: "005_client_certificates", sql: clientCertificates },
];
