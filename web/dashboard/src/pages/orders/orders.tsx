/** All orders, with the link on which each can be paid. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { config, type Order, orders } from "../../api/queries";
import { Badge } from "../../ui/badge";
import { CopyButton } from "../../ui/copy";
import { FilterRow, SelectFilter, TextFilter } from "../../ui/filter";
import { Card, Page } from "../../ui/layout";
import { Listing } from "../../ui/listing";
import { Empty } from "../../ui/states";
import type { Column } from "../../ui/table";
import { Amount, Id, Muted, Time, Words } from "../../ui/text";
import { oneOf, PAGE_SIZE } from "../transactions/filters";
import { checkoutLink } from "./checkout-link";
import { NewOrder } from "./new-order";

const route = getRouteApi("/dashboard/orders");
const STATUSES = ["created", "paid"] as const;

/** The page of all orders. */
export function Orders() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { data: places } = useQuery(config);
  const query = { receipt: search.receipt || null, status: oneOf(STATUSES, search.status) };
  const found = useQuery(orders({ ...query, limit: PAGE_SIZE, after: search.after ?? null }));
  const set = (changed: typeof search) =>
    void navigate({ to: ".", search: (old) => ({ ...old, ...changed, after: undefined }), replace: true });
  return (
    <Page
      title="Orders"
      about="What is to be paid. Share an order's link, and anyone can pay it."
      actions={<NewOrder />}
    >
      <Card flush>
        <FilterRow label="Filter the orders">
          <TextFilter
            label="Receipt"
            placeholder="Any part of a receipt"
            wide
            icon={Search}
            value={search.receipt}
            onChange={(receipt) => set({ receipt })}
          />
          <SelectFilter
            label="Status"
            options={STATUSES}
            value={search.status}
            onChange={(status) => set({ status })}
          />
        </FilterRow>
        <Listing
          query={found}
          search={search}
          label="Orders"
          testId="orders-table"
          columns={columns(places?.checkout_url ?? "")}
          rowKey={(order) => order.id}
          rowProps={(order) => ({ "data-test-id": "order-row", "data-order-id": order.id })}
          empty={<Empty title="No orders">Create one here, or with the API.</Empty>}
        />
      </Card>
    </Page>
  );
}

function columns(checkoutUrl: string): Column<Order>[] {
  return [
    {
      header: "Order ID",
      cell: (order) => (
        <Link to="/dashboard/orders/$id" params={{ id: order.id }}>
          <Id>{order.id}</Id>
        </Link>
      ),
    },
    { header: "Amount", cell: (order) => <Amount amount={order.amount} currency={order.currency} /> },
    { header: "Receipt", cell: (order) => <Words>{order.receipt}</Words> },
    { header: "Status", cell: (order) => <Badge status={order.status} /> },
    { header: "Created", cell: (order) => <Time at={order.created_at} /> },
    {
      header: "Checkout link",
      cell: (order) =>
        order.status === "created" ? (
          <CopyButton text={checkoutLink(checkoutUrl, order.id)} what={`checkout link of ${order.id}`} label="Copy" />
        ) : (
          <Muted>–</Muted>
        ),
    },
  ];
}
