/** All refunds. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type Refund, refunds } from "../api/queries";
import { Badge } from "../ui/badge";
import { FilterRow, SelectFilter } from "../ui/filter";
import { Card, Page } from "../ui/layout";
import { Listing } from "../ui/listing";
import { Empty } from "../ui/states";
import type { Column } from "../ui/table";
import { Amount, Id, Time, Words } from "../ui/text";
import { oneOf, PAGE_SIZE } from "./transactions/filters";

const route = getRouteApi("/dashboard/refunds");
const STATUSES = ["pending", "processed", "failed"] as const;

/** The columns of tables of refunds. */
export const refundColumns: Column<Refund>[] = [
  { header: "Refund", cell: (refund) => <Id>{refund.id}</Id> },
  {
    header: "Payment",
    cell: (refund) => (
      <Link to="/dashboard/transactions/$id" params={{ id: refund.payment_id }}>
        <Id>{refund.payment_id}</Id>
      </Link>
    ),
  },
  { header: "Amount", cell: (refund) => <Amount amount={refund.amount} currency={refund.currency} /> },
  { header: "Reason", cell: (refund) => <Words>{refund.reason}</Words> },
  {
    header: "Status",
    cell: (refund) => (
      <>
        <Badge status={refund.status} /> {refund.provider_code && <code>{refund.provider_code}</code>}
      </>
    ),
  },
  { header: "Created", cell: (refund) => <Time at={refund.created_at} /> },
];

/** The page of all refunds. */
export function Refunds() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const status = oneOf(STATUSES, search.status);
  const found = useQuery(refunds({ status, limit: PAGE_SIZE, after: search.after ?? null }));
  const set = (next: string | undefined) => void navigate({ to: ".", search: { status: next }, replace: true });
  return (
    <Page title="Refunds" about="Money on its way back. A refund begins on its payment's page.">
      <Card flush>
        <FilterRow label="Filter the refunds">
          <SelectFilter label="Status" options={STATUSES} value={search.status} onChange={set} />
        </FilterRow>
        <Listing
          query={found}
          search={search}
          label="Refunds"
          testId="refunds-table"
          columns={refundColumns}
          rowKey={(refund) => refund.id}
          rowProps={(refund) => ({ "data-test-id": "refund-row", "data-refund-id": refund.id })}
          empty={<Empty title="No refunds">Open a successful payment to give money back.</Empty>}
        />
      </Card>
    </Page>
  );
}
