/** One order: what it is for, the link to pay it, and the payments that were tried. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { config, type Order, order, payments } from "../../api/queries";
import { money } from "../../format/money";
import { Badge } from "../../ui/badge";
import { Copyable, CopyButton } from "../../ui/copy";
import { Card, Columns, Details, Page, Stack } from "../../ui/layout";
import { Empty, Loaded, Stale } from "../../ui/states";
import { Table } from "../../ui/table";
import { Id, Time } from "../../ui/text";
import payment from "../payment/payment.module.css";
import { paymentColumns } from "../transactions/columns";
import { checkoutLink } from "./checkout-link";
import { Notes } from "./notes";

const route = getRouteApi("/dashboard/orders/$id");

/** The page of one order. */
export function OrderPage() {
  const { id } = route.useParams();
  const found = useQuery(order(id));
  const shown = found.data;
  return (
    <Page
      key={id}
      title={`Order ${id}`}
      back={{ to: "/dashboard/orders", label: "Orders" }}
      heading={
        shown ? (
          <span className={payment.heading}>
            {money(shown.amount, shown.currency)} <Badge status={shown.status} />
          </span>
        ) : (
          "Order"
        )
      }
      about={
        <span className={payment.id}>
          <Id>{id}</Id>
          <CopyButton text={id} what="order ID" />
        </span>
      }
      testId="order-page"
    >
      <Loaded query={found}>{(data) => <Parts order={data} />}</Loaded>
    </Page>
  );
}

function Parts({ order }: { order: Order }) {
  const tried = useQuery(payments({ order_id: order.id, limit: 50 }));
  return (
    <Columns>
      <Card title="Payments" flush>
        <Stale query={tried} />
        <Table
          label="Payments of this order"
          columns={paymentColumns.filter((column) => column.header !== "Order ID")}
          rows={tried.data?.data}
          rowKey={(row) => row.id}
          empty={<Empty title="Nobody has tried to pay yet" />}
        />
      </Card>
      <Stack>
        {order.status === "created" && <CheckoutLink orderId={order.id} />}
        <Card title="Details">
          <Details
            items={[
              ["Amount", `${money(order.amount, order.currency)} (${order.amount} ${order.currency})`],
              ["Receipt", order.receipt],
              ["Created", <Time key="created" at={order.created_at} />],
              ["Updated", <Time key="updated" at={order.updated_at} />],
              ["Expires", order.expires_at && <Time key="expires" at={order.expires_at} />],
              ["After success", order.success_url],
              ["After giving up", order.cancel_url],
              ["Notes", order.notes && <Notes key="notes" notes={order.notes} />],
            ]}
          />
        </Card>
      </Stack>
    </Columns>
  );
}

function CheckoutLink({ orderId }: { orderId: string }) {
  const places = useQuery(config);
  return (
    <Card title="Checkout link">
      <Loaded query={places}>
        {({ checkout_url }) => <Copyable text={checkoutLink(checkout_url, orderId)} what="checkout link" />}
      </Loaded>
    </Card>
  );
}
