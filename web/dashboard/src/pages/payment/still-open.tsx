/** Why a payment is still open, and what comes next. */

import type { Payment } from "../../api/queries";
import { dueIn } from "../../format/time";
import { Card, Details } from "../../ui/layout";
import { Muted, Time } from "../../ui/text";

/** The panel of an open payment. */
export function StillOpen({ payment }: { payment: Payment }) {
  const { last_looked_at: looked, next_look_at: next } = payment;
  return (
    <Card title="Still open" testId="payment-open">
      <Details
        items={[
          ["Why", payment.open_because],
          ["Last answer", sameWords(payment.last_answer, payment.open_because) ? null : payment.last_answer],
          ["Asked", looked && <Time at={looked} />],
          [
            "Asked next",
            next && (
              <>
                <Time at={next} /> <Muted>{dueIn(next, Date.now())}</Muted>
              </>
            ),
          ],
        ]}
      />
    </Card>
  );
}

function sameWords(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}
