/** What happened to a payment, oldest first. */

import { useQuery } from "@tanstack/react-query";
import { timeline } from "../../api/queries";
import { Card } from "../../ui/layout";
import { Loaded } from "../../ui/states";
import { Time } from "../../ui/text";
import { causeInWords } from "./cause";
import styles from "./payment.module.css";

const WORDS: Record<string, string> = {
  "payment.created": "Created",
  "payment.pending": "Sent to the bank",
  "payment.success": "Succeeded",
  "payment.failed": "Failed",
  "payment.captured": "Captured",
  "payment.released": "Held money let go",
  "refund.created": "Refund asked for",
  "refund.processed": "Refund paid out",
  "refund.failed": "Refund failed",
};

/** The payment's life as a list. */
export function Timeline({ paymentId }: { paymentId: string }) {
  const found = useQuery(timeline(paymentId));
  return (
    <Card title="Timeline" testId="payment-timeline">
      <Loaded query={found}>
        {({ data }) => (
          <ol className={styles.timeline}>
            {data.map((entry) => (
              <li key={entry.sequence} className={tone(entry.event)}>
                <strong>{WORDS[entry.event] ?? entry.event}</strong>
                <p>
                  <Time at={entry.created_at} /> · {causeInWords(entry.cause)}
                </p>
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Card>
  );
}

function tone(event: string): string | undefined {
  if (["payment.failed", "payment.released", "refund.failed"].includes(event)) return styles.bad;
  return event === "payment.success" || event === "refund.processed" ? styles.good : undefined;
}
