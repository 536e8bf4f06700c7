/** Tables of what the API lists: they show at once where rows will be, and mark those that have just come. */

import { type ReactNode, useRef } from "react";
import styles from "./table.module.css";

export type Column<Row> = { header: string; testId?: string; cell: (row: Row) => ReactNode };

type Props<Row> = {
  label: string;
  columns: Column<Row>[];
  /** Undefined while they are on their way. */
  rows: Row[] | undefined;
  rowKey: (row: Row) => string;
  /** What each row carries besides, such as its test id. */
  rowProps?: (row: Row) => Record<`data-${string}`, string>;
  testId?: string;
  /** True while older rows stand in for those asked for. */
  busy?: boolean;
  empty: ReactNode;
};

const WAITING_ROWS = ["a", "b", "c", "d", "e", "f"];

/** A table; on a narrow screen, a list of cards. */
export function Table<Row>({ label, columns, rows, rowKey, rowProps, testId, busy = false, empty }: Props<Row>) {
  const fresh = useFresh(rows?.map(rowKey), busy);
  return (
    <div className={styles.scroll}>
      <table className={styles.table} aria-label={label} aria-busy={busy || !rows} data-test-id={testId}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.header} scope="col">
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows?.map((row) => (
            <tr key={rowKey(row)} className={fresh.has(rowKey(row)) ? styles.fresh : undefined} {...rowProps?.(row)}>
              {columns.map((column) => (
                <td key={column.header} data-column={column.header} data-test-id={column.testId}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
          {!rows && WAITING_ROWS.map((row) => <WaitingRow key={row} columns={columns} />)}
          {rows?.length === 0 && (
            <tr className={styles.rest}>
              <td className={styles.nothing} colSpan={columns.length}>
                {empty}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function WaitingRow<Row>({ columns }: { columns: Column<Row>[] }) {
  return (
    <tr className={styles.rest}>
      {columns.map((column) => (
        <td key={column.header}>
          <span className={styles.bar} />
        </td>
      ))}
    </tr>
  );
}

/** The keys that were not there when the rows were first shown, nor a page turn brought along. */
function useFresh(keys: string[] | undefined, turning: boolean): Set<string> {
  const seen = useRef<Set<string>>(null);
  const fresh = useRef(new Set<string>());
  if (turning) seen.current = null;
  else if (keys) {
    for (const key of keys) if (seen.current && !seen.current.has(key)) fresh.current.add(key);
    seen.current = new Set([...(seen.current ?? []), ...keys]);
  }
  return fresh.current;
}
