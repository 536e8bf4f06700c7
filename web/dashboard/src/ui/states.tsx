/** What stands in for content: nothing there yet, still loading, failed. */

import type { UseQueryResult } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, Clock, Inbox, Info, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Refusal } from "../api/client";
import { Button } from "./button";
import styles from "./states.module.css";
import table from "./table.module.css";
import { Hidden } from "./text";
import tones from "./tones.module.css";

/** Nothing there, and what to do about it. */
export function Empty({
  title,
  children,
  then,
  icon: Icon = Inbox,
}: {
  title: string;
  children?: ReactNode;
  then?: ReactNode;
  icon?: LucideIcon;
}) {
  return (
    <div className={styles.state}>
      <Icon aria-hidden />
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {then && <div className={styles.then}>{then}</div>}
    </div>
  );
}

/** What went wrong, with a way to try again; the request id is what whoever runs the gateway needs to find it. */
export function Failed({ error, retry }: { error: Error; retry?: () => void }) {
  const requestId = error instanceof Refusal ? error.requestId : null;
  if (error instanceof Refusal && error.status === 404) {
    return (
      <div role="alert">
        <Empty title={error.message} icon={CircleAlert}>
          Check the address. What belongs to another merchant is not shown either.
        </Empty>
      </div>
    );
  }
  return (
    <div role="alert">
      <Empty title={error.message} icon={CircleAlert} then={retry && <Button onClick={retry}>Try again</Button>}>
        {requestId && `Request ${requestId}`}
      </Empty>
    </div>
  );
}

/** Grey bars while something loads. */
export function Waiting() {
  return (
    <div className={styles.waiting} aria-busy>
      <Hidden>Loading</Hidden>
      <span className={table.bar} />
      <span className={table.bar} />
      <span className={table.bar} />
    </div>
  );
}

const ICONS = { bad: CircleAlert, wait: Clock, good: CircleCheck, calm: Info };

/** A remark on a colour; a bad one is read out at once. */
export function Notice({ tone = "bad", children }: { tone?: keyof typeof ICONS; children: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <div className={`${styles.notice} ${tones[tone]}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon aria-hidden />
      <div>{children}</div>
    </div>
  );
}

/** Why an action did not work; nothing while it has not failed. */
export function Problem({ error }: { error: Error | null }) {
  return error && <Notice>{error.message}</Notice>;
}

/** What a query brought: its data, grey bars until then, the problem when it has none; stale data stays with a remark. */
export function Loaded<Data>({
  query,
  children,
}: {
  query: UseQueryResult<Data>;
  children: (data: Data) => ReactNode;
}) {
  if (query.data === undefined) {
    return query.error ? <Failed error={query.error} retry={() => void query.refetch()} /> : <Waiting />;
  }
  return (
    <>
      <Stale query={query} />
      {children(query.data)}
    </>
  );
}

/** A remark that what is shown could not be refreshed. */
export function Stale({ query }: { query: UseQueryResult<unknown> }) {
  if (!query.error || query.data === undefined) return null;
  return <Notice tone="wait">Not up to date: {query.error.message} Trying again.</Notice>;
}
