/** The page: what is to be paid, how, and what came of it. Whatever does not apply yet is there, and hidden. */

import { useEffect, useState } from "react";
import { CardForm } from "./CardForm";
import type { Embedder } from "./embedder";
import { Icon } from "./Icon";
import { formatShort } from "./money";
import { OrderSummary } from "./OrderSummary";
import { ProviderChoice, providerOf } from "./ProviderChoice";
import type { Place } from "./place";
import { Closed, Failure, Processing, Success } from "./states";
import { UpiForm } from "./UpiForm";
import { useCheckout } from "./useCheckout";

type Method = "upi" | "card";

const HOW_TO_TRY: Record<Method, string> = {
  upi: "success@kassa pays, failure@kassa is declined.",
  // Spaces that do not break: a number is to be read, and copied, in one piece.
  card: "4242\u00a04242\u00a04242\u00a04242 pays, 4000\u00a00000\u00a00000\u00a00002 is declined.",
};

interface Props {
  place: Place;
  embedded: boolean;
  embedder: Embedder;
}

export function App({ place, embedded, embedder }: Props) {
  const { order, stage, disconnected, submit, leave, retry } = useCheckout(place, embedder);
  const [method, setMethod] = useState<Method>();
  const choosing = stage.at === "choosing";
  const provider = providerOf(order);
  const refusal = choosing ? stage.refusal : undefined;
  const price = order ? formatShort(order.amount, order.currency) : "";
  const cancelUrl = embedded ? undefined : webAddress(order?.cancel_url);
  const successUrl = embedded ? undefined : webAddress(order?.success_url);

  useEffect(() => {
    if (method) document.querySelector<HTMLInputElement>(`#${method}-form input`)?.focus();
  }, [method]);

  useTitle(order && `${titleOf(stage.at)} – ${order.merchant_name ?? "Kassa"}`);

  return (
    <main
      data-test-id="checkout-container"
      className={embedded ? "checkout is-embedded" : "checkout"}
      data-stage={stage.at}
    >
      <OrderSummary order={order} orderId={place.orderId} email={place.email} loading={stage.at === "loading"} />
      <div className="panel">
        <div role="status">
          {disconnected && (
            <p className="notice">The connection is lost. We keep trying; there is no need to do anything.</p>
          )}
        </div>
        <p className="loading" hidden={stage.at !== "loading"}>
          <span className="spinner" aria-hidden="true" /> Fetching the order
        </p>
        <section
          data-test-id="payment-methods"
          className="methods"
          hidden={!choosing || Boolean(provider)}
          aria-label="Payment methods"
        >
          <h2>Pay with</h2>
          <div className="choices">
            <MethodButton method="upi" label="UPI" hint="Any UPI app" chosen={method} onChoose={setMethod} />
            <MethodButton method="card" label="Card" hint="Credit or debit" chosen={method} onChoose={setMethod} />
          </div>
        </section>
        <ProviderChoice hidden={!choosing || !provider} provider={provider} onContinue={() => leave(embedded)} />
        <UpiForm
          hidden={!choosing || Boolean(provider) || method !== "upi"}
          price={price}
          refusal={refusal?.code === "INVALID_VPA" ? "UPI ID must look like name@bank" : ""}
          onPay={submit}
        />
        <CardForm
          hidden={!choosing || Boolean(provider) || method !== "card"}
          price={price}
          paid={stage.at === "success"}
          refusal={refusal?.code.endsWith("_CARD") ? refusal : undefined}
          onPay={submit}
        />
        <p className="trial" data-test-id="test-mode-hint" hidden={!(choosing && method && order?.test_mode)}>
          <strong>Test mode:</strong> {method && HOW_TO_TRY[method]}
        </p>
        <Processing stage={stage} method={method} />
        <Success stage={stage} order={order} returnTo={successUrl} />
        <Failure stage={stage} onRetry={retry} />
        <Closed stage={stage} />
        <p className="leave" hidden={!(cancelUrl && ["choosing", "failure", "closed"].includes(stage.at))}>
          <a href={cancelUrl}>
            {stage.at === "closed" ? "Go back" : "Cancel and go back"}
            {order?.merchant_name && ` to ${order.merchant_name}`}
          </a>
        </p>
      </div>
      <footer>
        <Icon name="lock" /> Your card number and CVV are never stored. <span>Payments by Kassa</span>
      </footer>
    </main>
  );
}

interface MethodButtonProps {
  method: Method;
  label: string;
  hint: string;
  chosen: Method | undefined;
  onChoose(method: Method): void;
}

function MethodButton({ method, label, hint, chosen, onChoose }: MethodButtonProps) {
  return (
    <button
      type="button"
      className="method"
      data-test-id={`method-${method}`}
      data-method={method}
      aria-pressed={chosen === method}
      aria-controls={`${method}-form`}
      onClick={() => onChoose(method)}
    >
      <Icon name={method} />
      <span>{label}</span>
      <small>{hint}</small>
    </button>
  );
}

function titleOf(stage: string): string {
  return { success: "Payment Successful!", failure: "Payment Failed" }[stage] ?? "Complete Payment";
}

function useTitle(title: string | undefined): void {
  useEffect(() => {
    if (title) document.title = title;
  }, [title]);
}

/** Only addresses of pages: a link must not be able to run anything here. */
function webAddress(url: string | null | undefined): string | undefined {
  return url && /^https?:\/\//i.test(url) ? url : undefined;
}
