// Names that libraries ask for and do well without; asked, they see them as unset instead of failing. PORT_*: every
// config asks for its listeners' ports; a granted name wins over this pattern, a granted pattern does not.
export const ignoredEnvironment =
  "GRPC_*,grpc_*,HTTP_PROXY,http_proxy,HTTPS_PROXY,https_proxy,NO_PROXY,no_proxy,NODE_*,SSL_CERT_FILE,SSL_CERT_DIR,TERM,NO_COLOR,FORCE_COLOR,DEBUG,PORT_*";

/** Whether a variable reads as unset unless its own name is granted. */
export function isIgnored(name: string): boolean {
  return ignoredEnvironment.split(",").some((one) =>
    one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : one === name
  );
}
