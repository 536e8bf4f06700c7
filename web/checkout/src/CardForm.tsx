/** Pays by card. What is typed here goes to the gateway and nowhere else, and is forgotten once it is paid. */

import { type ChangeEvent, type FormEvent, useEffect, useRef, useState } from "react";
import {
  type CardField,
  type CardFields,
  cardProblem,
  digitsOf,
  formatExpiry,
  formatNumber,
  inWords,
  type Network,
  networkOf,
  refusedField,
  splitExpiry,
} from "./card";
import { Field } from "./Field";
import { now, type Refused } from "./gateway";
import { PayButton } from "./PayButton";
import { retype } from "./typing";
import type { Details } from "./useCheckout";

interface Props {
  hidden: boolean;
  price: string;
  /** Whether the order is paid, so that the card is no longer needed. */
  paid: boolean;
  /** Why the gateway did not accept the card. */
  refusal: Refused | undefined;
  onPay(details: Details): void;
}

const EMPTY: CardFields = { number: "", expiry: "", cvv: "", holderName: "" };
const FIELDS: CardField[] = ["number", "expiry", "cvv", "holderName"];
const NAMES: Record<Network, string> = {
  visa: "Visa",
  mastercard: "Mastercard",
  amex: "American Express",
  rupay: "RuPay",
  unknown: "",
};
const FORMATS: Record<CardField, (text: string) => string> = {
  number: formatNumber,
  expiry: formatExpiry,
  cvv: (text) => digitsOf(text).slice(0, 4),
  holderName: (text) => text,
};

export function CardForm({ hidden, price, paid, refusal, onPay }: Props) {
  const [card, setCard] = useState(EMPTY);
  const [problems, setProblems] = useState(EMPTY);
  const form = useRef<HTMLFormElement>(null);

  const check = (field: CardField, entered: CardFields) =>
    setProblems((before) => ({ ...before, [field]: cardProblem(field, entered, now()) }));

  useEffect(() => {
    if (paid) setCard(EMPTY);
  }, [paid]);

  useEffect(() => {
    if (refusal) setProblems({ ...EMPTY, [refusedField(refusal)]: inWords(refusal) });
  }, [refusal]);

  const change = (field: CardField) => (event: ChangeEvent<HTMLInputElement>) => {
    const input = event.currentTarget;
    let value = input.value;
    if (field === "number" || field === "expiry") {
      const { inputType } = event.nativeEvent as InputEvent;
      const caret = input.selectionStart ?? value.length;
      const typed = retype({ before: card[field], value, caret, inputType }, FORMATS[field]);
      value = input.value = typed.value;
      input.setSelectionRange(typed.caret, typed.caret);
    } else {
      value = input.value = FORMATS[field](value);
    }
    const entered = { ...card, [field]: value };
    setCard(entered);
    if (problems[field]) check(field, entered);
  };

  const leave = (field: CardField) => () => {
    if (!card[field]) return;
    const { month, year } = splitExpiry(card.expiry);
    const tidy = field === "expiry" && year.length === 4 ? { ...card, expiry: `${month}/${year.slice(2)}` } : card;
    setCard(tidy);
    check(field, tidy);
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = Object.fromEntries(FIELDS.map((field) => [field, cardProblem(field, card, now())]));
    setProblems({ ...EMPTY, ...found });
    const first = FIELDS.find((field) => found[field]);
    if (first) {
      form.current?.querySelector<HTMLInputElement>(`#card-${first}`)?.focus();
      return;
    }
    const { month, year } = splitExpiry(card.expiry);
    const sent = {
      number: digitsOf(card.number),
      expiry_month: month,
      expiry_year: year,
      cvv: card.cvv,
      holder_name: card.holderName.trim(),
    };
    // Should it fail, the payer need not type all of it again, but must have the card at hand.
    setCard((before) => ({ ...before, cvv: "" }));
    onPay({ method: "card", card: sent });
  };

  const field = (name: CardField) => ({
    id: `card-${name}`,
    value: card[name],
    problem: problems[name],
    onChange: change(name),
    onBlur: leave(name),
    type: "text",
    spellCheck: false,
  });
  const network = networkOf(digitsOf(card.number));
  return (
    <form
      data-test-id="card-form"
      id="card-form"
      ref={form}
      hidden={hidden}
      onSubmit={submit}
      noValidate
      aria-label="Pay by card"
    >
      <Field
        {...field("number")}
        data-test-id="card-number-input"
        label="Card number"
        inputMode="numeric"
        autoComplete="cc-number"
        name="cardnumber"
        placeholder="1234 5678 9012 3456"
        enterKeyHint="next"
        mark={
          <span className={`network ${network}`} data-network={network} aria-live="polite">
            {NAMES[network]}
          </span>
        }
      />
      <div className="pair">
        <Field
          {...field("expiry")}
          data-test-id="expiry-input"
          label="Expiry"
          inputMode="numeric"
          autoComplete="cc-exp"
          name="cc-exp"
          placeholder="MM/YY"
          enterKeyHint="next"
        />
        <Field
          {...field("cvv")}
          data-test-id="cvv-input"
          className="secret"
          label="CVV"
          inputMode="numeric"
          autoComplete="cc-csc"
          name="cvc"
          placeholder={network === "amex" ? "4 digits" : "3 digits"}
          enterKeyHint="next"
        />
      </div>
      <Field
        {...field("holderName")}
        data-test-id="cardholder-name-input"
        label="Name on card"
        autoComplete="cc-name"
        name="ccname"
        autoCapitalize="words"
        placeholder="As printed on the card"
        enterKeyHint="go"
      />
      <PayButton price={price} />
    </form>
  );
}
