/** One payment: what it is, what happened to it, and what can be done with it. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { deliveries, order, type Payment, payment, refunds } from "../../api/queries";
import { money } from "../../format/money";
import { providerName } from "../../format/provider";
import { Badge } from "../../ui/badge";
import { CopyButton } from "../../ui/copy";
import { Card, Columns, Details, Page, Stack } from "../../ui/layout";
import { Empty, Loaded, Notice, Stale } from "../../ui/states";
import { Table } from "../../ui/table";
import { Id, paidWith, Time } from "../../ui/text";
import { Notes } from "../orders/notes";
import { refundColumns } from "../refunds";
import { deliveryColumns } from "../webhooks/columns";
import { Capture, Refund } from "./actions";
import { Explanation } from "./explanation";
import styles from "./payment.module.css";
import { StillOpen } from "./still-open";
import { Timeline } from "./timeline";

const route = getRouteApi("/dashboard/transactions/$id");

/** The page of one payment. */
export function PaymentPage() {
  const { id } = route.useParams();
  const found = useQuery(payment(id));
  const shown = found.data;
  return (
    <Page
      key={id}
      title={`Payment ${id}`}
      back={{ to: "/dashboard/transactions", label: "Transactions" }}
      heading={shown ? <Heading payment={shown} /> : "Payment"}
      about={
        <span className={styles.id}>
          <Id>{id}</Id>
          <CopyButton text={id} what="payment ID" />
        </span>
      }
      actions={
        shown?.status === "success" &&
        !shown.released_at && (
          <>
            <Refund payment={shown} />
            <Capture payment={shown} />
          </>
        )
      }
      testId="payment-page"
    >
      <Loaded query={found}>{(data) => <Parts payment={data} />}</Loaded>
    </Page>
  );
}

function Heading({ payment }: { payment: Payment }) {
  return (
    <span className={styles.heading}>
      {money(payment.amount, payment.currency)}
      <Badge status={payment.status} />
      {payment.released_at && <Badge status="let go" tone="bad" />}
      {payment.status === "success" && !payment.released_at && (
        <Badge status={payment.captured ? "captured" : "not captured"} tone="calm" />
      )}
      {payment.succeeded_late && <Badge status="late" tone="wait" />}
      {payment.refunded_amount > 0 && (
        <Badge status={payment.refunded_amount === payment.amount ? "refunded" : "partly refunded"} tone="calm" />
      )}
    </span>
  );
}

function Parts({ payment }: { payment: Payment }) {
  return (
    <>
      {payment.status === "failed" && (
        <Notice>
          {payment.error_description} <code>{payment.error_code}</code>
          {payment.provider_code && (
            <>
              {" "}
              ({providerName(payment.provider)} says <code data-test-id="provider-code">{payment.provider_code}</code>)
            </>
          )}
        </Notice>
      )}
      {payment.released_at && (
        <Notice>
          {providerName(payment.provider)} has let go of the money that it held: it was not captured in time, and the
          payer has it again. To be paid, make a new order.
        </Notice>
      )}
      {payment.succeeded_late && (
        <Notice tone="wait">
          This payment succeeded late: {providerName(payment.provider)} took the money after the payment had failed.
        </Notice>
      )}
      <Columns>
        <Stack>
          {payment.status === "failed" && <Explanation paymentId={payment.id} />}
          {payment.open_because && <StillOpen payment={payment} />}
          <Summary payment={payment} />
          <Refunds payment={payment} />
          <Webhooks payment={payment} />
        </Stack>
        <Stack>
          <Timeline paymentId={payment.id} />
          <OrderOf payment={payment} />
        </Stack>
      </Columns>
    </>
  );
}

function Summary({ payment }: { payment: Payment }) {
  const { currency } = payment;
  return (
    <Card title="Details">
      <Details
        items={[
          ["Amount", `${money(payment.amount, currency)} (${payment.amount} ${currency})`],
          ["Refunded", payment.refunded_amount > 0 && money(payment.refunded_amount, currency)],
          ["Provider", providerName(payment.provider)],
          ["Method", payment.method],
          [payment.method === "upi" ? "VPA" : "Card", paidWith(payment)],
          ["Created", <Time key="created" at={payment.created_at} />],
          ["Updated", <Time key="updated" at={payment.updated_at} />],
        ]}
      />
    </Card>
  );
}

function OrderOf({ payment }: { payment: Payment }) {
  const found = useQuery(order(payment.order_id));
  return (
    <Card title="Order">
      <Loaded query={found}>
        {(order) => (
          <Details
            items={[
              [
                "Order",
                <Link key="id" to="/dashboard/orders/$id" params={{ id: order.id }}>
                  <Id>{order.id}</Id>
                </Link>,
              ],
              ["Status", <Badge key="status" status={order.status} />],
              ["Receipt", order.receipt],
              ["Notes", order.notes && <Notes key="notes" notes={order.notes} />],
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Refunds({ payment }: { payment: Payment }) {
  const found = useQuery(refunds({ payment_id: payment.id, limit: 50 }));
  if (found.data?.data.length === 0) return null;
  return (
    <Card title="Refunds" flush testId="payment-refunds">
      <Stale query={found} />
      <Table
        label="Refunds of this payment"
        columns={refundColumns.filter((column) => !["Payment", "Created"].includes(column.header))}
        rows={found.data?.data}
        rowKey={(refund) => refund.id}
        rowProps={(refund) => ({ "data-refund-id": refund.id })}
        empty={null}
      />
    </Card>
  );
}

function Webhooks({ payment }: { payment: Payment }) {
  const found = useQuery(deliveries({ payment_id: payment.id, limit: 50 }));
  return (
    <Card title="Webhooks" flush testId="payment-webhooks">
      <Stale query={found} />
      <Table
        label="Webhooks about this payment"
        columns={deliveryColumns.filter((column) => column.header !== "Last Attempt")}
        rows={found.data?.data}
        rowKey={(delivery) => delivery.id}
        empty={
          <Empty title="None" then={<Link to="/dashboard/webhooks">Configure webhooks</Link>}>
            There was no webhook URL when something happened to this payment.
          </Empty>
        }
      />
    </Card>
  );
}
