/**
 * Making, changing and deleting routes.
 * @module
 */
import { CsrfField, FormError, type FormErrors, formErrors, noErrors } from "@lib/web/mod.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { routeAddress, routePath, routesPath, routeTitle } from "./route_address.ts";
import { draftFrom, draftOf, emptyDraft, requestOf, type RouteDraft, routeFields } from "./route_draft.ts";
import { RouteForm } from "./route_form.tsx";
import { routeNameOf } from "./route_page.tsx";

const newPath = "/new-route";

export const routeEditRoutes: DeskRoute[] = [
  { method: "GET", path: newPath, handle: (desk) => showNew(desk, emptyDraft, noErrors) },
  { method: "POST", path: newPath, handle: create },
  { method: "GET", path: `${routePath}/edit`, handle: (desk) => showEdit(desk) },
  { method: "POST", path: `${routePath}/edit`, handle: save },
  { method: "GET", path: `${routePath}/delete`, handle: (desk) => showDelete(desk, noErrors) },
  { method: "POST", path: `${routePath}/delete`, handle: remove },
  { method: "POST", path: `${routePath}/maintenance`, handle: rest },
];

/** The API's names for what the form calls otherwise. */
const aliases = { redirect: "redirect_to", status: "redirect_to", "sign_in.allow": "sign_in_allow" };
const fields = [...routeFields];

async function showNew(desk: Desk, draft: RouteDraft, errors: FormErrors): Promise<Response> {
  const { listeners } = await desk.listeners.listListeners({});
  const { visit } = desk;
  return await visit.page(
    "New route",
    <RouteForm
      {...{ visit, draft, errors, listeners }}
      action={newPath}
      cancel={routesPath}
      version={null}
    />,
    { status: errors.status },
  );
}

async function create(desk: Desk): Promise<Response> {
  const draft = draftFrom(desk.visit.form);
  try {
    const route = await desk.routes.putRoute({ ...requestOf(draft), expectedVersion: "none" });
    return desk.visit.redirect(routeAddress(route), `${routeTitle(route)} added.`);
  } catch (error) {
    return await showNew(desk, draft, formErrors(error, fields, aliases));
  }
}

async function showEdit(
  desk: Desk,
  refused?: { draft: RouteDraft; errors: FormErrors; version: string },
): Promise<Response> {
  const { visit } = desk;
  const route = await desk.routes.getRoute(routeNameOf(desk));
  return await visit.page(
    `Change ${routeTitle(route)}`,
    <RouteForm
      visit={visit}
      action={routeAddress(route, "/edit")}
      cancel={routeAddress(route)}
      draft={refused?.draft ?? draftOf(route)}
      errors={refused?.errors ?? noErrors}
      listeners={[]}
      version={refused?.version ?? route.version}
    />,
    { status: refused?.errors.status ?? 200 },
  );
}

async function save(desk: Desk): Promise<Response> {
  const name = routeNameOf(desk);
  const draft = { ...draftFrom(desk.visit.form), ...name };
  const version = desk.visit.form.text("version");
  try {
    const route = await desk.routes.putRoute({ ...requestOf(draft), expectedVersion: version });
    return desk.visit.redirect(routeAddress(route), "Saved. It holds from the next request on.");
  } catch (error) {
    return await showEdit(desk, { draft, errors: formErrors(error, fields, aliases), version });
  }
}

async function showDelete(desk: Desk, errors: FormErrors): Promise<Response> {
  const { visit } = desk;
  const route = await desk.routes.getRoute(routeNameOf(desk));
  return await visit.page(
    `Delete ${routeTitle(route)}`,
    <form method="post" action={routeAddress(route, "/delete")} class="narrow">
      <CsrfField visit={visit} />
      <input type="hidden" name="version" value={route.version} />
      <FormError errors={errors} />
      <p>
        New connections for <strong class="mono">{routeTitle(route)}</strong> on {route.listener}{" "}
        will be refused, and requests on open ones answered with 421. What is under way finishes.
      </p>
      <p class="actions">
        <button type="submit" class="bad">Delete {routeTitle(route)}</button> <a href={routeAddress(route)}>Cancel</a>
      </p>
    </form>,
    { status: errors.status },
  );
}

async function remove(desk: Desk): Promise<Response> {
  const name = routeNameOf(desk);
  try {
    await desk.routes.deleteRoute({ ...name, expectedVersion: desk.visit.form.text("version") });
    return desk.visit.redirect(routesPath, `${routeTitle(name)} deleted.`);
  } catch (error) {
    return await showDelete(desk, formErrors(error, []));
  }
}

/** Begins maintenance with the form's text, or ends it. */
async function rest(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const name = routeNameOf(desk);
  const text = visit.form.optional("maintenance") === undefined ? "" : visit.form.text("maintenance");
  const route = await desk.routes.getRoute(name);
  await desk.routes.putRoute({
    ...requestOf(draftOf(route)),
    maintenance: text.replaceAll("\r\n", "\n"),
    expectedVersion: route.version,
  });
  return visit.redirect(
    routeAddress(name),
    text === "" ? "Maintenance has ended." : "Visitors get the maintenance text from now on.",
  );
}
