/** The course of a payment: from the order through the payer's choice to success, or to failure and another try. */

import { useCallback, useEffect, useRef, useState } from "react";
import { type Reason, whyClosed, whyRefused } from "./closed";
import type { Embedder } from "./embedder";
import {
  type NewPayment,
  newAttempt,
  type Order,
  openSession,
  orderOfLink,
  type Payment,
  pay,
  Refused,
  readOrder,
  settled,
} from "./gateway";
import { providerOf } from "./ProviderChoice";
import type { Place } from "./place";

export type Stage =
  | { at: "loading" }
  /** There is nothing to pay here, and why. */
  | ({ at: "closed" } & Reason)
  /** The payer chooses; with `refusal`, because the gateway did not accept what was entered. */
  | { at: "choosing"; refusal?: Refused }
  /** With `away`, because the payer pays on another page. */
  | { at: "processing"; away?: Away }
  | { at: "success"; payment: Payment }
  | { at: "failure"; message: string };

/** Where the payer has gone: the provider; in a tab of its own that page, once it is known, and whether it opened. */
export interface Away {
  provider: string;
  url?: string;
  opened?: boolean;
}

/** What the payer entered, without the order. */
export type Details = Pick<NewPayment, "method" | "vpa" | "card">;

export interface Checkout {
  order: Order | undefined;
  stage: Stage;
  /** Whether the gateway cannot be reached at the moment; it is asked again and again. */
  disconnected: boolean;
  submit(details: Details): void;
  /** Goes to the provider's page: from a shop's page in a new tab, as providers let nobody show them in a frame. */
  leave(inNewTab: boolean): void;
  retry(): void;
}

const FIELD_CODES = ["INVALID_VPA", "INVALID_CARD", "EXPIRED_CARD"];

export function useCheckout({ orderId, paymentId, linkId, email }: Place, embedder: Embedder): Checkout {
  const [order, setOrder] = useState<Order>();
  const [stage, setStage] = useState<Stage>({ at: "loading" });
  const [disconnected, setDisconnected] = useState(false);
  // The attempt whose answer never came; sending the same again then needs the same key, or it might pay twice.
  const unanswered = useRef<{ key: string; body: string } | undefined>(undefined);
  // A payment link is asked once: a reusable one would give another order each time.
  const known = useRef<Order | undefined>(undefined);

  /** Reads the order anew; why it cannot be paid, if it cannot. */
  const look = useCallback(async (): Promise<Stage | undefined> => {
    const id = known.current?.id ?? orderId;
    if (!id && !linkId) throw new Refused("NOT_FOUND_ERROR", "No order");
    const found = await (id ? readOrder(id, setDisconnected) : orderOfLink(String(linkId), setDisconnected));
    // What the link has added stays.
    known.current = { ...known.current, ...found };
    setOrder(known.current);
    const closed = whyClosed(found);
    return closed && { at: "closed", ...closed };
  }, [orderId, linkId]);

  const fail = useCallback(
    (code: string, description: string, payment?: Payment) => {
      remember(null);
      setStage({ at: "failure", message: payment?.tell_payer ?? description });
      const about = payment && { paymentId: payment.id, amount: payment.amount, currency: payment.currency };
      const orderId = known.current?.id;
      embedder.tell("payment_failed", { code, description, orderId, status: "failed", ...about });
    },
    [embedder],
  );

  const follow = useCallback(
    async (paymentId: string, away?: Away) => {
      // Who has not come back may never do so: then a reload should ask anew.
      if (!away) remember(linkId ? { paymentId, order: known.current } : { paymentId });
      setStage({ at: "processing", ...(away && { away }) });
      const payment = await settled(paymentId, setDisconnected);
      // An address that names the payment of another order must not make this one look paid.
      if (payment.order_id !== known.current?.id) throw new Refused("NOT_FOUND_ERROR", "No such payment");
      if (payment.status === "failed") {
        fail(
          payment.error_code ?? "PAYMENT_FAILED",
          payment.error_description ?? "Payment could not be processed",
          payment,
        );
        return;
      }
      setStage({ at: "success", payment });
      const { id, order_id, amount, currency, status } = payment;
      embedder.tell("payment_success", { paymentId: id, orderId: order_id, amount, currency, status });
      // Only of a paid order is told where its payer goes now, and what the merchant has to say.
      await look().catch(() => undefined);
    },
    [embedder, fail, linkId, look],
  );

  useEffect(() => {
    const start = async () => {
      const begun = remembered() ?? (paymentId ? { paymentId } : undefined);
      known.current = begun?.order;
      const closed = await look();
      if (begun) await follow(begun.paymentId);
      else setStage(closed ?? { at: "choosing" });
    };
    start().catch((error: unknown) => setStage({ at: "closed", ...whyRefused(error, linkId !== undefined) }));
  }, [look, follow, paymentId, linkId]);

  useEffect(() => {
    // By the browser's own way back from the provider the page may come as it was left.
    const back = (event: PageTransitionEvent) => {
      if (event.persisted) setStage((stage) => (stage.at === "processing" && stage.away ? { at: "choosing" } : stage));
    };
    window.addEventListener("pageshow", back);
    return () => window.removeEventListener("pageshow", back);
  }, []);

  const refused = useCallback(
    async (error: unknown) => {
      if (!(error instanceof Refused)) throw error;
      // Perhaps somebody else has paid meanwhile: then the order says so better than an error.
      const closed = await look().catch(() => undefined);
      return closed ? setStage(closed) : fail(error.code, error.description);
    },
    [look, fail],
  );

  const leave = useCallback(
    (inNewTab: boolean) => {
      const provider = providerOf(order);
      if (!order || !provider) return;
      // Within the click, or the browser would not let it open; where it leads follows.
      const tab = inNewTab ? window.open("about:blank") : null;
      setStage({ at: "processing", away: { provider } });
      const run = async () => {
        const { url, payment_id } = await openSession(order.id, email, setDisconnected);
        if (!inNewTab) return location.assign(url);
        if (tab) {
          tab.opener = null;
          tab.location.replace(url);
        }
        await follow(payment_id, { provider, url, opened: tab !== null });
      };
      run().catch((error: unknown) => {
        tab?.close();
        return refused(error);
      });
    },
    [order, email, follow, refused],
  );

  const submit = useCallback(
    (details: Details) => {
      if (!order) return;
      const payment = { ...details, order_id: order.id };
      const body = JSON.stringify(payment);
      const key = unanswered.current?.body === body ? unanswered.current.key : newAttempt();
      unanswered.current = { key, body };
      setStage({ at: "processing" });
      const run = async () => {
        const { id } = await pay(payment, key, setDisconnected);
        unanswered.current = undefined;
        await follow(id);
      };
      run().catch((error: unknown) => {
        const code = error instanceof Refused ? error.code : "";
        if (code && code !== "SERVICE_UNAVAILABLE") unanswered.current = undefined;
        return FIELD_CODES.includes(code) ? setStage({ at: "choosing", refusal: error as Refused }) : refused(error);
      });
    },
    [order, follow, refused],
  );

  const retry = useCallback(() => {
    setStage({ at: "choosing" });
    const goOn = (closed: Stage | undefined) =>
      setStage((stage) => (stage.at === "choosing" && closed ? closed : stage));
    look().then(goOn, () => undefined);
  }, [look]);

  return { order, stage, disconnected, submit, leave, retry };
}

interface Begun {
  paymentId: string;
  /** Of a payment link: it might not give this order again. */
  order?: Order | undefined;
}

// What is begun stays with this entry of the browser's history, so that a reload goes on waiting for it.
function remember(begun: Begun | null): void {
  history.replaceState(begun, "");
}

function remembered(): Begun | undefined {
  return history.state?.paymentId ? history.state : undefined;
}
