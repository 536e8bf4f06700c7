/** One delivery: what was sent, what came back each time, and why it failed. */

import type { Schemas } from "@kassa/api";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { delivery } from "../../api/queries";
import { utc } from "../../format/time";
import { Badge } from "../../ui/badge";
import { Code } from "../../ui/code";
import { Card, Details, Halves, Page, Stack } from "../../ui/layout";
import { Empty, Loaded, Notice } from "../../ui/states";
import { Id, Muted, Time } from "../../ui/text";
import payment from "../payment/payment.module.css";
import { Retry } from "./columns";
import { pretty } from "./pretty";
import styles from "./webhooks.module.css";

type Detail = Schemas["DeliveryDetail"];
type Attempt = Schemas["AttemptRow"];

const route = getRouteApi("/dashboard/webhooks/$id");

/** The page of one delivery. */
export function DeliveryPage() {
  const { id } = route.useParams();
  const found = useQuery(delivery(id));
  const shown = found.data;
  return (
    <Page
      key={id}
      title={`Webhook ${id}`}
      back={{ to: "/dashboard/webhooks", label: "Webhooks" }}
      heading={
        shown ? (
          <span className={payment.heading}>
            {shown.event} <Badge status={shown.status} />
          </span>
        ) : (
          "Webhook"
        )
      }
      about={<Id>{id}</Id>}
      actions={shown && <Retry id={id} />}
      testId="webhook-page"
    >
      <Loaded query={found}>{(data) => <Parts delivery={data} />}</Loaded>
    </Page>
  );
}

function Parts({ delivery }: { delivery: Detail }) {
  return (
    <>
      <Why delivery={delivery} />
      <Halves>
        <Card title="Attempts" flush testId="webhook-attempt-log">
          <Attempts attempts={delivery.attempt_log} />
        </Card>
        <Stack>
          <Card title="Details">
            <Details
              items={[
                ["Attempts", String(delivery.attempts)],
                ["Created", <Time key="created" at={delivery.created_at} />],
                ["Next attempt", delivery.next_retry_at && <Time key="next" at={delivery.next_retry_at} />],
                [
                  "Payment",
                  delivery.payment_id && (
                    <Link key="payment" to="/dashboard/transactions/$id" params={{ id: delivery.payment_id }}>
                      <Id>{delivery.payment_id}</Id>
                    </Link>
                  ),
                ],
              ]}
            />
          </Card>
          <Card title="Payload" about="Signed and sent byte for byte as copied, without the line breaks.">
            <Code text={delivery.payload} what="signed payload" wrap testId="webhook-payload">
              {pretty(delivery.payload)}
            </Code>
          </Card>
        </Stack>
      </Halves>
    </>
  );
}

/** In words, why it has not arrived. */
function Why({ delivery }: { delivery: Detail }) {
  const error = delivery.attempt_log.at(-1)?.error;
  if (delivery.status === "success" || !error) return null;
  return (
    <Notice tone={delivery.status === "failed" ? "bad" : "wait"}>
      <strong data-test-id="webhook-failure">{error}</strong>
      <br />
      {delivery.status === "failed"
        ? "All attempts are used up; press Retry once your server is mended."
        : delivery.next_retry_at && `It is tried again at ${utc(delivery.next_retry_at)} UTC.`}
    </Notice>
  );
}

function Attempts({ attempts }: { attempts: Attempt[] }) {
  if (attempts.length === 0) return <Empty title="Not tried yet" />;
  return (
    <ol className={styles.attempts}>
      {[...attempts].reverse().map((one) => (
        <li key={one.attempted_at + one.attempt} data-test-id="webhook-attempt">
          <p>
            <strong>Attempt {one.attempt}</strong>
            <Badge
              status={one.response_code === null ? "no answer" : String(one.response_code)}
              tone={one.error ? "bad" : "good"}
            />
            <Muted>
              <Time at={one.attempted_at} /> · {one.duration_ms} ms
            </Muted>
          </p>
          {one.error && <p>{one.error}</p>}
          {one.response_body && <Code text={one.response_body} what={`response to attempt ${one.attempt}`} wrap />}
        </li>
      ))}
    </ol>
  );
}
