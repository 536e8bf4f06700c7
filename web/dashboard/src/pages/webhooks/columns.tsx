/** The columns of tables of webhook deliveries. */

import { Link } from "@tanstack/react-router";
import { useAction } from "../../api/action";
import { answer, api } from "../../api/client";
import type { Delivery } from "../../api/queries";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import type { Column } from "../../ui/table";
import { Muted, Time } from "../../ui/text";
import { say } from "../../ui/toasts";

export const deliveryColumns: Column<Delivery>[] = [
  {
    header: "Event",
    testId: "webhook-event",
    cell: (delivery) => (
      <Link to="/dashboard/webhooks/$id" params={{ id: delivery.id }}>
        {delivery.event}
      </Link>
    ),
  },
  { header: "Status", testId: "webhook-status", cell: (delivery) => <Badge status={delivery.status} /> },
  { header: "Attempts", testId: "webhook-attempts", cell: (delivery) => delivery.attempts },
  {
    header: "Last Attempt",
    testId: "webhook-last-attempt",
    cell: (delivery) => <Time at={delivery.last_attempt_at} />,
  },
  {
    header: "Response Code",
    testId: "webhook-response-code",
    cell: (delivery) => delivery.response_code ?? <Muted>–</Muted>,
  },
  { header: "Actions", cell: (delivery) => <Retry id={delivery.id} small /> },
];

/** A button that delivers again, from the first attempt. */
export function Retry({ id, small = false }: { id: string; small?: boolean }) {
  const retry = useAction(
    () => answer(api.POST("/api/v1/webhooks/{webhook_id}/retry", { params: { path: { webhook_id: id } } })),
    () => say("It is being delivered again"),
  );
  return (
    <Button
      small={small}
      busy={retry.isPending}
      onClick={() => retry.mutate(undefined)}
      data-test-id="retry-webhook-button"
      data-webhook-id={id}
    >
      Retry
    </Button>
  );
}
