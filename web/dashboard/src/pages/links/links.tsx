/** All payment links: what a merchant shares to be paid without writing code. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { type PaymentLink, paymentLinks } from "../../api/queries";
import { Badge } from "../../ui/badge";
import { CopyButton } from "../../ui/copy";
import { Card, Page } from "../../ui/layout";
import { Listing } from "../../ui/listing";
import { Confirm } from "../../ui/modal";
import { Empty } from "../../ui/states";
import type { Column } from "../../ui/table";
import { Amount, Muted, Time, Words } from "../../ui/text";
import { say } from "../../ui/toasts";
import { PAGE_SIZE } from "../transactions/filters";
import { NewLink } from "./new-link";
import { stateOf } from "./state";

const route = getRouteApi("/dashboard/payment-links");

/** The page of all payment links. */
export function PaymentLinks() {
  const search = route.useSearch();
  const found = useQuery(paymentLinks({ limit: PAGE_SIZE, after: search.after ?? null }));
  return (
    <Page
      title="Payment links"
      about="Share one in a message or a mail, and be paid without a shop of your own."
      actions={<NewLink />}
    >
      <Card flush>
        <Listing
          query={found}
          search={search}
          label="Payment links"
          testId="payment-links-table"
          columns={COLUMNS}
          rowKey={(link) => link.id}
          rowProps={(link) => ({ "data-test-id": "payment-link-row", "data-link-id": link.id })}
          empty={<Empty title="No payment links yet">Create the first one here, or with the API.</Empty>}
        />
      </Card>
    </Page>
  );
}

const COLUMNS: Column<PaymentLink>[] = [
  { header: "For", testId: "link-description", cell: (link) => <Words>{link.description}</Words> },
  { header: "Amount", cell: (link) => <Amount amount={link.amount} currency={link.currency} /> },
  { header: "State", testId: "link-state", cell: (link) => <State link={link} /> },
  {
    header: "Times paid",
    testId: "link-times-paid",
    cell: (link) => (link.reusable ? link.times_paid : `${link.times_paid} of 1`),
  },
  { header: "Expires", cell: (link) => (link.expires_at ? <Time at={link.expires_at} /> : <Muted>never</Muted>) },
  { header: "Link", cell: (link) => <CopyButton text={link.url} what={`link for ${link.description}`} label="Copy" /> },
  { header: "Actions", cell: (link) => <Deactivate link={link} /> },
];

function State({ link }: { link: PaymentLink }) {
  const state = stateOf(link, Date.now());
  return <Badge status={state} tone={state === "active" || state === "paid" ? "good" : "calm"} />;
}

function Deactivate({ link }: { link: PaymentLink }) {
  if (stateOf(link, Date.now()) !== "active") return <Muted>–</Muted>;
  return (
    <Confirm
      label="Deactivate"
      confirm="Deactivate"
      title="Deactivate this link?"
      about={`Nobody can open “${link.description}” any more. This cannot be undone.`}
      kind="danger"
      small
      testId="deactivate-link-button"
      run={() =>
        answer(
          api.POST("/api/v1/payment_links/{link_id}/deactivate", { params: { path: { link_id: link.id } }, body: {} }),
        )
      }
      done={() => say("The link cannot be paid any more")}
    />
  );
}
