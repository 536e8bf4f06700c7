/** What a merchant can do with a successful payment: capture it, and give money back. */

import { decimalsOf } from "@kassa/api/currency";
import { useState } from "react";
import { useAction, useIdempotencyKey } from "../../api/action";
import { answer, api } from "../../api/client";
import type { Payment } from "../../api/queries";
import { money, plainMoney, smallestUnit } from "../../format/money";
import { Button } from "../../ui/button";
import { Form, TextArea, TextField } from "../../ui/field";
import { Confirm, Modal, ModalFoot } from "../../ui/modal";
import { Problem } from "../../ui/states";
import { say } from "../../ui/toasts";

type Props = { payment: Payment };

/** Capture the whole payment, after a question. */
export function Capture({ payment }: Props) {
  const keyFor = useIdempotencyKey();
  const amount = money(payment.amount, payment.currency);
  if (payment.captured) return null;
  const body = { amount: payment.amount };
  const params = { path: { payment_id: payment.id }, header: { "Idempotency-Key": keyFor(body) } };
  return (
    <Confirm
      label="Capture"
      confirm={`Capture ${amount}`}
      title={`Capture ${amount}?`}
      about="The payer has paid already; capturing says that you take the money."
      testId="capture-button"
      run={() => answer(api.POST("/api/v1/payments/{payment_id}/capture", { params, body }))}
      done={() => say(`Captured ${amount}`)}
    />
  );
}

/** Refund the payment, in full or in part. */
export function Refund({ payment }: Props) {
  const [open, setOpen] = useState(false);
  const left = payment.amount - payment.refunded_amount;
  return (
    <>
      <Button disabled={left === 0} onClick={() => setOpen(true)} data-test-id="refund-button">
        Refund
      </Button>
      <Modal
        title="Refund the payment"
        about={`${money(left, payment.currency)} of ${money(payment.amount, payment.currency)} can be refunded.`}
        open={open}
        onClose={() => setOpen(false)}
      >
        <RefundForm payment={payment} left={left} close={() => setOpen(false)} />
      </Modal>
    </>
  );
}

type Values = { amount: number; reason: string | null };

function RefundForm({ payment, left, close }: Props & { left: number; close: () => void }) {
  const { currency } = payment;
  const keyFor = useIdempotencyKey();
  const refund = useAction(
    (body: Values) => {
      const params = { path: { payment_id: payment.id }, header: { "Idempotency-Key": keyFor(body) } };
      return answer(api.POST("/api/v1/payments/{payment_id}/refunds", { params, body }));
    },
    ({ amount }) => {
      close();
      say(`Refund of ${money(amount, currency)} is on its way`);
    },
  );
  return (
    <Form
      testId="refund-form"
      label="Refund"
      onSubmit={({ amount = "", reason }) =>
        refund.mutate({ amount: smallestUnit(amount, currency) ?? 0, reason: reason || null })
      }
    >
      <TextField
        name="amount"
        label={`Amount (${currency})`}
        inputMode={decimalsOf(currency) > 0 ? "decimal" : "numeric"}
        defaultValue={plainMoney(left, currency)}
        check={(text) => wrongAmount(text, left, currency)}
        testId="refund-amount-input"
      />
      <TextArea
        name="reason"
        label="Reason"
        rows={2}
        hint="Optional; stays with the refund."
        testId="refund-reason-input"
      />
      <Problem error={refund.error} />
      <ModalFoot close={close}>
        <Button type="submit" kind="danger" busy={refund.isPending} data-test-id="refund-confirm-button">
          Refund
        </Button>
      </ModalFoot>
    </Form>
  );
}

function wrongAmount(text: string, left: number, currency: string): string | null {
  const amount = smallestUnit(text, currency);
  if (amount === null || amount === 0) return `An amount such as ${plainMoney(left, currency)}`;
  return amount > left ? `At most ${money(left, currency)}` : null;
}
