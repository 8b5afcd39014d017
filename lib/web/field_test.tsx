import assert from "node:assert/strict";
import { conflict, invalid } from "@lib/errors/mod.ts";
import { Field, FormError, formErrors } from "./field.tsx";

Deno.test("formErrors puts an error beside its field, or above the form", () => {
  const fields = ["name", "value", "ttl"];
  const rows: [Parameters<typeof formErrors>[0], ReturnType<typeof formErrors>][] = [
    [invalid("ttl", "must be a number"), { fields: { ttl: "must be a number" }, status: 400 }],
    [invalid("values[0]", "is no address"), { fields: { value: "is no address" }, status: 400 }],
    [invalid("record.name", "is too long", { hint: "Shorten it" }), {
      fields: { name: "is too long. Shorten it" },
      status: 400,
    }],
    [invalid("zone", "is unknown"), { fields: {}, whole: "zone: is unknown", status: 400 }],
    [conflict("Cannot add CNAME"), { fields: {}, whole: "Cannot add CNAME", status: 409 }],
  ];
  assert.throws(() => formErrors(new TypeError("a defect"), fields), TypeError);
  for (const [error, want] of rows) assert.deepEqual(formErrors(error, fields, { values: "value" }), want);
});

Deno.test("Field keeps the value, names its label and its error, and escapes all three", async () => {
  const errors = { fields: { value: "<b> is no address" }, whole: "all & all", status: 400 };
  const [script, end] = ['"><script>', "</textarea>"];
  const html = String(await <Field name="value" label="Value <x>" value={script} errors={errors} />);
  assert.match(html, /<label for="value">Value &lt;x&gt;<\/label>/);
  assert.match(html, /value="&quot;&gt;&lt;script&gt;"/);
  assert.match(html, /aria-invalid="true" aria-describedby="value-error" autofocus/);
  assert.match(html, /<p class="error" id="value-error">&lt;b&gt; is no address<\/p>/);
  assert.match(String(await <FormError errors={errors} />), /role="alert">all &amp; all/);
  assert.match(String(await <Field name="t" label="T" rows={3} value={end} />), />&lt;\/textarea&gt;<\//);
});
