/** Webhooks: where they go, what signs them, and how each delivery went. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { deliveries } from "../../api/queries";
import { FilterRow, SelectFilter } from "../../ui/filter";
import { Card, Page } from "../../ui/layout";
import { Listing } from "../../ui/listing";
import { Empty } from "../../ui/states";
import { oneOf, PAGE_SIZE } from "../transactions/filters";
import { deliveryColumns } from "./columns";
import { Configuration } from "./configuration";
import { EVENTS } from "./events";

const route = getRouteApi("/dashboard/webhooks");
const STATUSES = ["pending", "success", "failed"] as const;

/** The page of webhooks. */
export function Webhooks() {
  return (
    <Page title="Webhooks" about="Every change of a payment or refund, sent to your server and signed.">
      <Configuration />
      <Log />
    </Page>
  );
}

function Log() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const query = { status: oneOf(STATUSES, search.status), event: oneOf(EVENTS, search.event) };
  const found = useQuery(deliveries({ ...query, limit: PAGE_SIZE, after: search.after ?? null }));
  const set = (changed: typeof search) =>
    void navigate({ to: ".", search: (old) => ({ ...old, ...changed, after: undefined }), replace: true });
  return (
    <Card title="Deliveries" flush>
      <FilterRow label="Filter the deliveries">
        <SelectFilter label="Status" options={STATUSES} value={search.status} onChange={(status) => set({ status })} />
        <SelectFilter label="Event" options={EVENTS} value={search.event} onChange={(event) => set({ event })} />
      </FilterRow>
      <Listing
        query={found}
        search={search}
        about={found.data ? countOf(found.data) : ""}
        label="Webhook deliveries"
        testId="webhook-logs-table"
        columns={deliveryColumns}
        rowKey={(delivery) => delivery.id}
        rowProps={(delivery) => ({ "data-test-id": "webhook-log-item", "data-webhook-id": delivery.id })}
        empty={<Empty title="No deliveries">Set a URL, then send a test event or take a payment.</Empty>}
      />
    </Card>
  );
}

function countOf({ total, total_exact }: { total: number; total_exact: boolean }): string {
  const number = total.toLocaleString("en-IN");
  return total_exact ? `${number} in all` : `More than ${number}`;
}
