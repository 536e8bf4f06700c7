/** Volume and success rate, day by day. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { statistics } from "../../api/queries";
import { shortMoney } from "../../format/money";
import { dayBefore, shortDay } from "../../format/time";
import { Choice } from "../../ui/choice";
import { Card, Halves } from "../../ui/layout";
import { Problem } from "../../ui/states";
import { Hidden } from "../../ui/text";
import styles from "./home.module.css";
import { Plot } from "./plot";
import { byCurrency, type Day, everyDay } from "./series";

const RANGES: [number, string][] = [
  [7, "7 days"],
  [30, "30 days"],
  [90, "90 days"],
];

/** Two charts of the last days, in one currency; how many days, and which currency where there are several, is a choice. */
export function Days() {
  const [count, setCount] = useState(30);
  const [chosen, setChosen] = useState("");
  const last = dayBefore(Date.now(), 0);
  const first = dayBefore(Date.now(), count - 1);
  const found = useQuery(statistics(first, last));
  const sums = byCurrency(found.data?.currencies ?? []);
  const { currency, volume, success_rate: rate } = sums.find((one) => one.currency === chosen) ?? sums[0];
  const days = everyDay(found.data?.days ?? [], currency, first, last);
  return (
    <section aria-label="Day by day">
      <div className={styles.head}>
        <h2>Last {count} days</h2>
        <div className={styles.choices}>
          {sums.length > 1 && (
            <Choice
              label="Which currency"
              options={sums.map((one) => [one.currency, one.currency])}
              value={currency}
              onChange={setChosen}
            />
          )}
          <Choice label="How many days" options={RANGES} value={count} onChange={setCount} />
        </div>
      </div>
      <Problem error={found.error} />
      <Halves>
        <Chart name="Volume" sum={shortMoney(volume, currency)} days={days} kind="volume" />
        <Chart name="Success rate" sum={rate === null ? "–" : `${rate.toFixed(1)}%`} days={days} kind="rate" />
      </Halves>
    </section>
  );
}

type ChartProps = { name: string; sum: string; days: Day[]; kind: "volume" | "rate" };

function Chart({ name, sum, days, kind }: ChartProps) {
  return (
    <Card flush>
      <figure>
        <figcaption className={styles.caption}>
          <h3>{name}</h3>
          <strong>{sum}</strong>
        </figcaption>
        <div aria-hidden>
          <Plot days={days} kind={kind} />
        </div>
        <Hidden>
          {days
            .filter((day) => day.payments > 0)
            .map((day) => `${shortDay(day.day)}: ${describe(day, kind)}`)
            .join("; ") || "Nothing in these days"}
        </Hidden>
      </figure>
    </Card>
  );
}

function describe(day: Day, kind: "volume" | "rate"): string {
  if (kind === "volume") return shortMoney(day.volume, day.currency);
  return day.success_rate === null ? "none settled" : `${day.success_rate}%`;
}
