/** @peculiar/x509 reads decorator metadata while it loads, so the polyfill comes first; import it from here only. */
import "reflect-metadata";

export * from "@peculiar/x509";
