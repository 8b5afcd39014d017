/**
 * Server-rendered pages: shell, stylesheet, sessions, sign-in, forms, what protects them.
 * @module
 */
export { assetResponse, liveRegionUrl, stylesheetUrl } from "./assets.ts";
export { csrfField, requireCsrf, requireSameOrigin } from "./csrf.ts";
export {
  Choice,
  type ChoiceProps,
  errorAttributes,
  Field,
  FieldError,
  type FieldProps,
  FormError,
  type FormErrors,
  formErrors,
  noErrors,
  Tick,
} from "./field.tsx";
export { Form, type FormLimits, readForm } from "./form.ts";
export { errorPage, htmlResponse, type NavLink, NavLinks, Page, type PageProps, plaintextNotice } from "./page.tsx";
export { address } from "./route.ts";
export { isSecureVisit, setPageHeaders } from "./security_headers.ts";
export { sameText, type Session, SessionStore, type SessionStoreOptions } from "./session_store.ts";
export { safeReturn, SignInForm } from "./sign_in_page.tsx";
export { type PageRoute, type SignedInVisit, type Site, site, type SiteOptions } from "./site.tsx";
export { lengthText, relativeText, RelativeTime } from "./time_text.tsx";
export { CsrfField, type Shell, type SignedIn, Visit } from "./visit.tsx";
