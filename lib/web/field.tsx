/**
 * Fields of forms, each with its label, and what was wrong with it beside it.
 * @module
 */
import type { Child } from "@hono/hono/jsx";
import { errorTable, PlatformError } from "@lib/errors/mod.ts";

/** What was wrong with a form: per field, and with the whole. */
export interface FormErrors {
  readonly fields: Readonly<Record<string, string>>;
  readonly whole?: string;
  /** HTTP status of the page that shows them. */
  readonly status: number;
}

export const noErrors: FormErrors = { fields: {}, status: 200 };

/**
 * Puts an error beside the field that it is about, where the form has it, else above the form. `values[2]` and
 * `record.value` are the fields `values` and `value`.
 * @param aliases names of the API's fields that the form calls otherwise: `{ values: "value" }`
 * @throws what is no `PlatformError`
 */
export function formErrors(
  error: unknown,
  fields: readonly string[],
  aliases: Record<string, string> = {},
): FormErrors {
  if (!(error instanceof PlatformError)) throw error;
  const last = (error.field ?? "").replace(/\[\d+\]$/, "").split(".").at(-1)!;
  const field = aliases[last] ?? last;
  const text = error.field !== undefined && error.message.startsWith(`${error.field}: `)
    ? error.message.slice(error.field.length + 2)
    : error.message;
  const whole = error.hint === undefined ? text : `${text}. ${error.hint}`;
  const status = errorTable[error.code].http;
  if (fields.includes(field)) return { fields: { [field]: whole }, status };
  return { fields: {}, whole: error.hint === undefined ? error.message : `${error.message}. ${error.hint}`, status };
}

/** The error of the whole form, above it. */
export function FormError({ errors }: { errors: FormErrors }) {
  return errors.whole === undefined ? null : <p class="notice bad" role="alert">{errors.whole}</p>;
}

interface FieldBasics {
  /** The form's name for it; with `idPrefix` also its id. */
  name: string;
  label: Child;
  errors?: FormErrors;
  /** Tells fields of the same name in several forms of a page apart. */
  idPrefix?: string;
  hint?: Child;
  class?: string;
}

export interface FieldProps extends FieldBasics {
  value?: string;
  required?: boolean;
  placeholder?: string;
  inputmode?: "numeric" | "email";
  /** A text area of so many rows instead of a line. */
  rows?: number;
  mono?: boolean;
}

/** A line of text or a text area. The first field with an error gets the focus when the page is shown. */
export function Field(props: FieldProps) {
  const { name, label, errors = noErrors, idPrefix = "", hint, value = "", required, placeholder, inputmode } = props;
  const id = idPrefix + name;
  const attributes = {
    id,
    name,
    required: required === true,
    autocapitalize: "none" as const,
    autocomplete: "off",
    spellcheck: false,
    ...(props.mono ? { class: "mono" } : {}),
    ...(placeholder === undefined ? {} : { placeholder }),
    ...errorAttributes(id, errors.fields[name]),
  };
  return (
    <div class={props.class === undefined ? "field" : `field ${props.class}`}>
      <label for={id}>{label}</label>
      {props.rows === undefined
        ? <input {...attributes} value={value} {...(inputmode === undefined ? {} : { inputmode })} />
        : <textarea {...attributes} rows={props.rows}>{value}</textarea>}
      <FieldError id={id} error={errors.fields[name]} />
      {hint === undefined ? null : <small class="hint">{hint}</small>}
    </div>
  );
}

export interface ChoiceProps extends FieldBasics {
  value: string;
  /** Values with their texts. */
  options: readonly (readonly [value: string, text: string])[];
}

/** One of several. */
export function Choice({ name, label, errors = noErrors, idPrefix = "", hint, value, options, ...rest }: ChoiceProps) {
  const id = idPrefix + name;
  return (
    <div class={rest.class === undefined ? "field" : `field ${rest.class}`}>
      <label for={id}>{label}</label>
      <select id={id} name={name} {...errorAttributes(id, errors.fields[name])}>
        {options.map(([one, text]) => <option value={one} selected={one === value}>{text}</option>)}
      </select>
      <FieldError id={id} error={errors.fields[name]} />
      {hint === undefined ? null : <small class="hint">{hint}</small>}
    </div>
  );
}

/** A box to tick. */
export function Tick({ name, label, ticked, idPrefix = "" }: FieldBasics & { ticked?: boolean }) {
  const id = idPrefix + name;
  return (
    <div class="tick">
      <input type="checkbox" id={id} name={name} value="1" checked={ticked === true} />
      <label for={id}>{label}</label>
    </div>
  );
}

/** For an input of one's own: marks it as wrong, names the message, takes the focus to it. */
export function errorAttributes(id: string, error: string | undefined): Record<string, string | boolean> {
  return error === undefined ? {} : { "aria-invalid": "true", "aria-describedby": `${id}-error`, autofocus: true };
}

/** The message that `errorAttributes` names. */
export function FieldError({ id, error }: { id: string; error: string | undefined }) {
  return error === undefined ? null : <p class="error" id={`${id}-error`}>{error}</p>;
}
