/** The drawing of a chart. It is small enough to draw here; chart libraries weigh more than the rest of the page. */

import { type PointerEvent, useState } from "react";
import { compactMoney, shortMoney } from "../../format/money";
import { shortDay } from "../../format/time";
import styles from "./plot.module.css";
import { ticks } from "./scale";
import type { Day } from "./series";

type Props = { days: Day[]; kind: "volume" | "rate" };

// The drawing is stretched to the space there is; text stands beside it, so that it is not stretched too.
const WIDTH = 1000;
const HEIGHT = 100;
const LABELS = 5;

/** Bars of money, or the line of a rate, with the day under the pointer in words. */
export function Plot({ days, kind }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const lines = kind === "rate" ? [0, 50, 100] : ticks(Math.max(...days.map((day) => day.volume)));
  const top = lines.at(-1) || 1;
  const point = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * days.length);
    setAt(Math.min(Math.max(place, 0), days.length - 1));
  };
  const day = at === null ? undefined : days[at];
  return (
    <div className={styles.plot}>
      <div className={styles.values}>
        {lines.map((line) => (
          <span key={line}>{kind === "rate" ? `${line}%` : compactMoney(line, days[0]?.currency ?? "INR")}</span>
        ))}
      </div>
      <div className={styles.area} onPointerMove={point} onPointerLeave={() => setAt(null)}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {lines.map((line) => (
            <path key={line} className={styles.grid} d={`M0 ${height(line, top)}H${WIDTH}`} />
          ))}
          {kind === "rate" ? <Rate days={days} /> : <Bars days={days} top={top} at={at} />}
        </svg>
        {day && <Tip day={day} left={(at ?? 0) < days.length / 2} />}
      </div>
      <div className={styles.days}>
        {labelled(days).map((one) => (
          <span key={one.day}>{shortDay(one.day)}</span>
        ))}
      </div>
    </div>
  );
}

function Bars({ days, top, at }: { days: Day[]; top: number; at: number | null }) {
  const slot = WIDTH / days.length;
  return days.map((day, place) => (
    <rect
      key={day.day}
      className={place === at ? `${styles.bar} ${styles.here}` : styles.bar}
      x={(place + 0.18) * slot}
      width={slot * 0.64}
      y={height(day.volume, top)}
      height={HEIGHT - height(day.volume, top)}
    />
  ));
}

/** A line through the days that have a rate; days without one are passed over. */
function Rate({ days }: { days: Day[] }) {
  const slot = WIDTH / days.length;
  const points = days.flatMap((day, place) =>
    day.success_rate === null ? [] : [{ x: (place + 0.5) * slot, y: height(day.success_rate, 100) }],
  );
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return null;
  const line = points.map(({ x, y }) => `${x} ${y}`).join("L");
  return (
    <>
      <path className={styles.under} d={`M${first.x} ${HEIGHT}L${line}L${last.x} ${HEIGHT}Z`} />
      <path className={styles.line} d={`M${line}`} />
      {/* A line of no length has round ends: the latest day shows as a dot, and so does one that stands alone. */}
      <path className={styles.dot} d={`M${last.x} ${last.y}h0`} />
    </>
  );
}

function Tip({ day, left }: { day: Day; left: boolean }) {
  const rate = day.success_rate === null ? "none settled" : `${day.success_rate}% succeeded`;
  return (
    <div className={styles.tip} data-side={left ? "right" : "left"}>
      <strong>{shortMoney(day.volume, day.currency)}</strong>
      <span>
        {shortDay(day.day)} · {day.payments} payments, {rate}
      </span>
    </div>
  );
}

function height(value: number, top: number): number {
  return HEIGHT - (value / top) * HEIGHT;
}

/** The days that are named below the chart, evenly spread from the first to the last. */
function labelled(days: Day[]): Day[] {
  const step = (days.length - 1) / (LABELS - 1);
  const places = new Set(Array.from({ length: LABELS }, (_, place) => Math.round(place * step)));
  return days.filter((_, place) => places.has(place));
}
