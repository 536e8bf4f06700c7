/** Why a payment failed, and what to do about it. */

import type { Schemas } from "@kassa/api";
import { useQuery } from "@tanstack/react-query";
import { explanation } from "../../api/queries";
import { Badge } from "../../ui/badge";
import { CopyButton } from "../../ui/copy";
import { Card, Details } from "../../ui/layout";
import { Loaded } from "../../ui/states";
import { readAgainMs } from "./refining";

const RETRY: Record<Schemas["Explanation"]["retry"], string> = {
  no: "Does not help",
  now: "Can help at once",
  later: "Can help in a few minutes",
  other_method: "Only another card or method can help",
};

/** The panel of a failed payment. */
export function Explanation({ paymentId }: { paymentId: string }) {
  const found = useQuery({
    ...explanation(paymentId),
    refetchInterval: ({ state }) => readAgainMs(state.data?.generated, state.dataUpdateCount),
  });
  return (
    <Card
      title="Why it failed"
      testId="payment-explanation"
      actions={found.data?.generated && <Badge status="written by a model" />}
    >
      <Loaded query={found}>
        {(why) => (
          <Details
            items={[
              ["What happened", why.what_happened],
              [
                "Tell the payer",
                <span key="tell" data-test-id="tell-payer">
                  {why.tell_payer} <CopyButton text={why.tell_payer} what="what to tell the payer" />
                </span>,
              ],
              ["What to do", why.merchant_should],
              ["Trying again", RETRY[why.retry]],
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
