/** A list of the API, page by page: its table, and what there is to say when there are no rows. */

import type { UseQueryResult } from "@tanstack/react-query";
import type { ComponentProps } from "react";
import { Pager } from "./pager";
import { Failed, Stale } from "./states";
import { Table } from "./table";

type Page<Row> = { data: Row[]; next: string | null };
type Props<Row> = Omit<ComponentProps<typeof Table<Row>>, "rows" | "busy"> & {
  query: UseQueryResult<Page<Row>>;
  /** The filters and the place in the list; another search is another list. */
  search: { after?: string | undefined };
  /** What stands beside the buttons that turn pages. */
  about?: string;
};

/** The rows of `query`, and the way to the next ones. */
export function Listing<Row>({ query, search, about, ...table }: Props<Row>) {
  if (query.error && !query.data) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return (
    <>
      <Stale query={query} />
      <Table key={JSON.stringify(search)} {...table} rows={query.data?.data} busy={query.isPlaceholderData} />
      <Pager after={search.after} next={query.data?.next ?? null} {...(about ? { about } : {})} />
    </>
  );
}
