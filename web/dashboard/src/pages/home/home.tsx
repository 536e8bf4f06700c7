/** How business goes: three figures, the days behind them, the latest payments, and the keys to get started. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { apiKeys, payments, profile, session, statistics } from "../../api/queries";
import { shortMoney } from "../../format/money";
import { Copyable, Secret } from "../../ui/copy";
import { Card, Columns, Details, Page, Stack } from "../../ui/layout";
import { Empty, Loaded, Stale } from "../../ui/states";
import { Table } from "../../ui/table";
import { paymentColumns } from "../transactions/columns";
import { Days } from "./days";
import styles from "./home.module.css";
import { byCurrency, type CurrencySums } from "./series";

/** The first page after the log-in. */
export function Home() {
  const { data: found } = useQuery(session);
  return (
    <Page title="Home" heading={found?.merchant.name} testId="dashboard">
      <Figures />
      <Days />
      <Columns>
        <Latest />
        <Credentials />
      </Columns>
    </Page>
  );
}

function Figures() {
  const all = useQuery(statistics(null, null));
  const sums = all.data;
  const settled = sums && sums.succeeded + sums.failed;
  return (
    <div>
      <Stale query={all} />
      <div className={styles.figures} data-test-id="stats-container">
        <Figure
          name="Transactions"
          testId="total-transactions"
          value={sums && String(sums.payments)}
          about={sums && `${(sums.payments - sums.succeeded - sums.failed).toLocaleString("en-IN")} in progress`}
        />
        <Volume currencies={sums?.currencies} />
        <Figure
          name="Success rate"
          testId="success-rate"
          value={sums && `${Math.round(sums.success_rate ?? 0)}%`}
          about={sums && `${sums.succeeded.toLocaleString("en-IN")} of ${settled?.toLocaleString("en-IN")} settled`}
        />
      </div>
    </div>
  );
}

/** The first currency's volume large, the others' below it: money of different currencies has no sum. */
function Volume({ currencies }: { currencies: CurrencySums[] | undefined }) {
  if (!currencies) return <Figure name="Volume" testId="total-amount" value={undefined} about={undefined} />;
  const [first, ...others] = byCurrency(currencies);
  return (
    <Figure
      name="Volume"
      testId="total-amount"
      value={shortMoney(first.volume, first.currency)}
      about={
        <>
          {shortMoney(first.refunded, first.currency)} refunded
          {others.map(({ currency, volume, refunded }) => (
            <span key={currency} className={styles.other} data-test-id={`total-amount-${currency}`}>
              {shortMoney(volume, currency)}, {shortMoney(refunded, currency)} refunded
            </span>
          ))}
        </>
      }
    />
  );
}

type FigureProps = { name: string; testId: string; value: string | undefined; about: ReactNode };

function Figure({ name, testId, value, about }: FigureProps) {
  return (
    <div className={styles.figure}>
      <h2>{name}</h2>
      <p className={styles.value} data-test-id={testId}>
        {value ?? "…"}
      </p>
      <p className={styles.about}>{about ?? " "}</p>
    </div>
  );
}

function Latest() {
  const latest = useQuery(payments({ limit: 6 }));
  return (
    <Card title="Latest payments" flush actions={<Link to="/dashboard/transactions">View all</Link>}>
      <Stale query={latest} />
      <Table
        label="Latest payments"
        columns={paymentColumns.filter((column) => !["Order ID", "Method"].includes(column.header))}
        rows={latest.data?.data}
        rowKey={(row) => row.id}
        empty={
          <Empty title="No payments yet" then={<Link to="/dashboard/docs">Read how to take the first one</Link>}>
            They appear here as they come in.
          </Empty>
        }
      />
    </Card>
  );
}

function Credentials() {
  const { data: found } = useQuery(session);
  const merchant = useQuery(profile);
  const keys = useQuery(apiKeys);
  return (
    <Stack>
      <Card title="API credentials" testId="api-credentials" actions={<Link to="/dashboard/api-keys">Manage</Link>}>
        <Loaded query={keys}>
          {({ api_key, api_secret }) => (
            <div className={styles.keys}>
              <h3>Key</h3>
              <Copyable text={api_key} what="API key" testId="api-key" />
              <h3>Secret</h3>
              <Secret
                text={api_secret}
                what="API secret"
                testId="api-secret"
                shown={found?.test_credentials ?? false}
              />
            </div>
          )}
        </Loaded>
      </Card>
      <Card title="Webhooks" actions={<Link to="/dashboard/webhooks">Configure</Link>}>
        <Loaded query={merchant}>
          {({ webhook_url }) => <Details items={[["Sent to", webhook_url ?? "nowhere yet"]]} />}
        </Loaded>
      </Card>
    </Stack>
  );
}
