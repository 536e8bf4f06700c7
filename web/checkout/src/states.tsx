/** What the page says while a payment is under way and when it is over. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Order } from "./gateway";
import { Icon } from "./Icon";
import { formatAmount } from "./money";
import type { Away, Stage } from "./useCheckout";

const SLOW_MS = 30_000;
const RETURN_MS = 4_000;

export function Processing({ stage, method }: { stage: Stage; method: string | undefined }) {
  const shown = stage.at === "processing";
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    if (!shown) return;
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  const away = stage.at === "processing" ? stage.away : undefined;
  const hint = away
    ? whileAway(away)
    : slow
      ? "This takes longer than usual. Please keep this page open; there is no need to pay again."
      : method === "upi"
        ? "If your UPI app asks, approve the payment there. Please keep this page open."
        : "Please keep this page open.";
  return (
    <State testId="processing-state" shown={shown} tone="busy">
      <span className="spinner" aria-hidden="true" />
      <p data-test-id="processing-message" className="headline">
        Processing payment...
      </p>
      <p>{hint}</p>
      <p hidden={!away?.url}>
        <a data-test-id="provider-link" href={away?.url} target="_blank" rel="noopener noreferrer">
          Open {away?.provider}'s page{away?.opened && " again"}
        </a>
      </p>
    </State>
  );
}

function whileAway({ provider, url, opened }: Away): string {
  if (!url) return `Taking you to ${provider}'s page.`;
  return opened ? "Finish paying in the tab that has opened." : "Pay in a new tab. This page waits for you.";
}

interface SuccessProps {
  stage: Stage;
  order: Order | undefined;
  returnTo: string | undefined;
}

export function Success({ stage, order, returnTo }: SuccessProps) {
  const payment = stage.at === "success" ? stage.payment : undefined;
  useEffect(() => {
    if (!payment || !returnTo) return;
    const timer = setTimeout(() => location.replace(returnTo), RETURN_MS);
    return () => clearTimeout(timer);
  }, [payment, returnTo]);
  return (
    <State testId="success-state" shown={Boolean(payment)} tone="good">
      <Medal icon="tick" />
      <h2>Payment Successful!</h2>
      <p data-test-id="success-message">Your payment has been processed successfully</p>
      <figure hidden={!order?.success_message}>
        <blockquote data-test-id="merchant-message">{order?.success_message}</blockquote>
        <figcaption>{order?.merchant_name}</figcaption>
      </figure>
      <dl>
        <dt>Payment ID</dt>
        <dd data-test-id="payment-id">{payment?.id}</dd>
        <dt>Paid</dt>
        <dd>{payment && formatAmount(payment.amount, payment.currency)}</dd>
      </dl>
      <p hidden={!returnTo}>
        Taking you back. <a href={returnTo}>Go back to {order?.merchant_name || "the shop"} now</a>
      </p>
    </State>
  );
}

export function Failure({ stage, onRetry }: { stage: Stage; onRetry(): void }) {
  return (
    <State testId="error-state" shown={stage.at === "failure"} tone="bad">
      <Medal icon="cross" />
      <h2>Payment Failed</h2>
      <p data-test-id="error-message">{stage.at === "failure" ? stage.message : ""}</p>
      <button data-test-id="retry-button" className="pay" type="button" onClick={onRetry}>
        Try Again
      </button>
    </State>
  );
}

/** There is nothing to pay: the order is paid, expired or unknown. */
export function Closed({ stage }: { stage: Stage }) {
  const closed = stage.at === "closed" ? stage : undefined;
  return (
    <State testId="closed-state" shown={Boolean(closed)} tone="calm">
      <Medal icon="info" />
      <h2>{closed?.title}</h2>
      <p data-test-id="closed-message">{closed?.text}</p>
    </State>
  );
}

interface StateProps {
  testId: string;
  shown: boolean;
  tone: "busy" | "good" | "bad" | "calm";
  children: ReactNode;
}

/** Takes the focus when it appears, so that a screen reader says it. */
function State({ testId, shown, tone, children }: StateProps) {
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (shown) section.current?.focus();
  }, [shown]);
  return (
    <section data-test-id={testId} className={`state ${tone}`} ref={section} hidden={!shown} tabIndex={-1}>
      {children}
    </section>
  );
}

function Medal({ icon }: { icon: "tick" | "cross" | "info" }) {
  return (
    <span className="medal">
      <Icon name={icon} />
    </span>
  );
}
