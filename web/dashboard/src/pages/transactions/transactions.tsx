/** All payments: found, filtered, paged through, taken along as CSV. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download, SearchX } from "lucide-react";
import { payments } from "../../api/queries";
import { buttonClass } from "../../ui/button";
import { Card, Page } from "../../ui/layout";
import { Listing } from "../../ui/listing";
import { Empty } from "../../ui/states";
import { paymentColumns } from "./columns";
import { FilterBar } from "./filter-bar";
import { exportUrl, PAGE_SIZE, paymentsQuery } from "./filters";

const route = getRouteApi("/dashboard/transactions");

/** The page of all payments. */
export function Transactions() {
  const search = route.useSearch();
  const { after, ...filters } = search;
  const query = paymentsQuery(filters);
  const found = useQuery(payments({ ...query, limit: PAGE_SIZE, after: after ?? null }));
  const filtered = Object.keys(query).length > 0;
  return (
    <Page
      title="Transactions"
      about="Newest first; times are in UTC."
      actions={
        <a className={buttonClass()} href={exportUrl(filters)} download="payments.csv" data-test-id="export-csv">
          <Download aria-hidden /> Export CSV
        </a>
      }
    >
      <Card flush>
        <FilterBar filters={filters} />
        <Listing
          query={found}
          search={search}
          label="Transactions"
          testId="transactions-table"
          columns={paymentColumns}
          rowKey={(payment) => payment.id}
          rowProps={(payment) => ({ "data-test-id": "transaction-row", "data-payment-id": payment.id })}
          empty={filtered ? <NoneFound /> : <NoneYet />}
        />
      </Card>
    </Page>
  );
}

function NoneFound() {
  return (
    <Empty
      title="No payment matches"
      icon={SearchX}
      then={
        <Link to="/dashboard/transactions" search={{}}>
          Clear the filters
        </Link>
      }
    />
  );
}

function NoneYet() {
  return (
    <Empty title="No payments yet" then={<Link to="/dashboard/docs">Read how to take the first one</Link>}>
      They appear here as they come in.
    </Empty>
  );
}
