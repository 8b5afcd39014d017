/**
 * Who may come to a route: with a client certificate, with an account.
 * @module
 */
import { Choice, Field, Tick } from "@lib/web/mod.ts";
import { FieldsError, Part, type PartProps } from "./form_part.tsx";

export function Clients({ draft, errors }: PartProps) {
  return (
    <Part
      title="Who may come in"
      names={["client_cert", "client_ca", "sign_in", "sign_in_allow"]}
      draft={draft}
      errors={errors}
    >
      <div class="line">
        <Choice
          name="client_cert"
          label="Certificate of the client"
          value={draft.client_cert}
          errors={errors}
          options={[["", "not asked for"], ["asked", "asked for"], ["required", "required"]]}
        />
        <Field
          name="client_ca"
          label="File of the CAs that it must lead to"
          value={draft.client_ca}
          errors={errors}
          hint="PEM, below the certificate folder. For the path /, and holds for the whole name."
          placeholder="staff-ca.pem"
          class="wide"
          mono
        />
      </div>
      <Tick name="sign_in" label="Only those who sign in, with an account of MCIAS" ticked={draft.sign_in !== ""} />
      <Field
        name="sign_in_allow"
        label="And of these"
        value={draft.sign_in_allow}
        errors={errors}
        placeholder="every account"
        hint={
          <>
            Roles and accounts, as in <code>admin, account:bob</code>; one of them is enough.
          </>
        }
        mono
      />
      <FieldsError name="sign_in" errors={errors} />
    </Part>
  );
}
