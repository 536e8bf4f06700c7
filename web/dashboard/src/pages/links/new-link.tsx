/** Making a payment link; afterwards it is there to be shared. */

import type { Schemas } from "@kassa/api";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useAction } from "../../api/action";
import { answer, api } from "../../api/client";
import type { PaymentLink } from "../../api/queries";
import { money, smallestUnit } from "../../format/money";
import { Button } from "../../ui/button";
import { Copyable } from "../../ui/copy";
import { Form, SelectField, TextArea, TextField } from "../../ui/field";
import { Modal, ModalFoot } from "../../ui/modal";
import { PriceFields } from "../../ui/price";
import { Notice, Problem } from "../../ui/states";
import { endOf, wrongDay } from "./state";

/** A button, and the form that it opens. */
export function NewLink() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="primary" onClick={() => setOpen(true)} data-test-id="new-link-button">
        <Plus aria-hidden /> Create a link
      </Button>
      <Modal title="Create a payment link" open={open} onClose={() => setOpen(false)}>
        <LinkForm close={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function LinkForm({ close }: { close: () => void }) {
  const [currency, setCurrency] = useState("INR");
  const [then, setThen] = useState("message");
  const create = useAction((body: Schemas["NewLink"]) => answer(api.POST("/api/v1/payment_links", { body })));
  if (create.data) return <Created link={create.data} close={close} />;
  return (
    <Form
      testId="new-link-form"
      label="Create a payment link"
      onSubmit={({ amount = "", description = "", times, last_day, success_message, redirect_url }) =>
        create.mutate({
          amount: smallestUnit(amount, currency) ?? 0,
          currency,
          description: description.trim(),
          reusable: times === "many",
          expires_at: endOf(last_day),
          success_message: success_message?.trim() || null,
          redirect_url: redirect_url?.trim() || null,
        })
      }
    >
      <TextField
        name="description"
        label="What it is for"
        hint="The payer reads it."
        maxLength={255}
        check={(text) => (text.trim() ? null : "A few words for the payer")}
        testId="link-description-input"
      />
      <PriceFields currency={currency} onCurrency={setCurrency} testId="link-amount-input" />
      <SelectField
        name="times"
        label="Can be paid"
        options={[
          ["once", "Once"],
          ["many", "Again and again"],
        ]}
        defaultValue="once"
        testId="link-times-select"
      />
      <TextField
        name="last_day"
        label="Last day"
        type="date"
        hint="Until its end in UTC; optional."
        check={(day) => wrongDay(day, Date.now())}
        testId="link-last-day-input"
      />
      <SelectField
        name="then"
        label="After success"
        options={[
          ["message", "Show a message"],
          ["redirect", "Go to a page of yours"],
        ]}
        value={then}
        onChange={setThen}
        testId="link-then-select"
      />
      {then === "message" ? (
        <TextArea
          name="success_message"
          label="Message"
          rows={2}
          maxLength={500}
          hint="Optional; shown beside what Kassa says."
          testId="link-message-input"
        />
      ) : (
        <TextField
          name="redirect_url"
          label="Address"
          type="url"
          placeholder="https://example.com/thanks"
          check={(text) => (/^https?:\/\/\S+$/i.test(text.trim()) ? null : "An address such as https://example.com")}
          testId="link-redirect-input"
        />
      )}
      <Problem error={create.error} />
      <ModalFoot close={close}>
        <Button type="submit" kind="primary" busy={create.isPending} data-test-id="link-create-button">
          Create
        </Button>
      </ModalFoot>
    </Form>
  );
}

function Created({ link, close }: { link: PaymentLink; close: () => void }) {
  return (
    <>
      <Notice tone="good">
        Whoever opens this link can pay {money(link.amount, link.currency)}
        {link.reusable ? ", as often as they like:" : ", once:"}
      </Notice>
      <Copyable text={link.url} what="payment link" testId="payment-link-url" />
      <a href={link.url} target="_blank" rel="noreferrer">
        See what the payer sees
      </a>
      <Button kind="primary" onClick={close}>
        Done
      </Button>
    </>
  );
}
