/** Creating an order by hand; afterwards its link is there to be shared. */

import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useAction, useIdempotencyKey } from "../../api/action";
import { answer, api } from "../../api/client";
import { config } from "../../api/queries";
import { money, smallestUnit } from "../../format/money";
import { Button } from "../../ui/button";
import { Copyable } from "../../ui/copy";
import { Form, TextArea, TextField } from "../../ui/field";
import { Modal, ModalFoot } from "../../ui/modal";
import { PriceFields } from "../../ui/price";
import { Notice, Problem } from "../../ui/states";
import { checkoutLink } from "./checkout-link";
import { parseNotes } from "./notes-text";

/** A button, and the form that it opens. */
export function NewOrder() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="primary" onClick={() => setOpen(true)} data-test-id="new-order-button">
        <Plus aria-hidden /> Create an order
      </Button>
      <Modal title="Create an order" open={open} onClose={() => setOpen(false)}>
        <OrderForm close={() => setOpen(false)} />
      </Modal>
    </>
  );
}

type Values = { amount: number; currency: string; receipt: string | null; notes: Record<string, string> | null };

function OrderForm({ close }: { close: () => void }) {
  const [currency, setCurrency] = useState("INR");
  const keyFor = useIdempotencyKey();
  const create = useAction((values: Values) => {
    const params = { header: { "Idempotency-Key": keyFor(values) } };
    const body = { ...values, notes: values.notes as Record<string, never> | null };
    return answer(api.POST("/api/v1/orders", { params, body }));
  });
  if (create.data) return <Created id={create.data.id} amount={money(create.data.amount, currency)} close={close} />;
  return (
    <Form
      testId="new-order-form"
      label="Create an order"
      onSubmit={({ amount = "", receipt, notes = "" }) =>
        create.mutate({
          amount: smallestUnit(amount, currency) ?? 0,
          currency,
          receipt: receipt || null,
          notes: parseNotes(notes),
        })
      }
    >
      <PriceFields currency={currency} onCurrency={setCurrency} testId="order-amount-input" />
      <TextField
        name="receipt"
        label="Receipt"
        hint="Your own number for it; optional."
        maxLength={255}
        testId="order-receipt-input"
      />
      <TextArea name="notes" label="Notes" hint="One per line, such as “table: 4”; optional." />
      <Problem error={create.error} />
      <ModalFoot close={close}>
        <Button type="submit" kind="primary" busy={create.isPending} data-test-id="order-create-button">
          Create
        </Button>
      </ModalFoot>
    </Form>
  );
}

function Created({ id, amount, close }: { id: string; amount: string; close: () => void }) {
  const { data: places } = useQuery(config);
  const link = checkoutLink(places?.checkout_url ?? "", id);
  return (
    <>
      <Notice tone="good">The order over {amount} is there. Whoever opens this link can pay it:</Notice>
      <Copyable text={link} what="checkout link" testId="checkout-link" />
      <a href={link} target="_blank" rel="noreferrer">
        Open the checkout page
      </a>
      <Button kind="primary" onClick={close}>
        Done
      </Button>
    </>
  );
}
