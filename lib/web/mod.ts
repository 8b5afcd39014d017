/**
 * Server-rendered pages: shell, stylesheet, sessions, forms, what protects them.
 * @module
 */
export { csrfField, requireCsrf, requireSameOrigin } from "./csrf.ts";
export { Form, type FormLimits, readForm } from "./form.ts";
export { errorPage, htmlResponse, type NavLink, Page, type PageProps, plaintextNotice } from "./page.tsx";
export { isSecureVisit, setPageHeaders } from "./security_headers.ts";
export { type Session, SessionStore, type SessionStoreOptions } from "./session_store.ts";
export { stylesheetResponse, stylesheetUrl } from "./stylesheet.ts";
