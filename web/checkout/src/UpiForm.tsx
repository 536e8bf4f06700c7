/** Pays by UPI. */

import { type FormEvent, useEffect, useRef, useState } from "react";
import { Field } from "./Field";
import { PayButton } from "./PayButton";
import { suggestions, vpaProblem } from "./upi";
import type { Details } from "./useCheckout";

interface Props {
  hidden: boolean;
  price: string;
  /** Why the gateway did not accept the address. */
  refusal: string;
  onPay(details: Details): void;
}

export function UpiForm({ hidden, price, refusal, onPay }: Props) {
  const [vpa, setVpa] = useState("");
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => setProblem(refusal), [refusal]);

  const change = (value: string) => {
    setVpa(value);
    if (problem) setProblem(vpaProblem(value.trim()));
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = vpaProblem(vpa.trim());
    setProblem(found);
    if (found) input.current?.focus();
    else onPay({ method: "upi", vpa: vpa.trim() });
  };

  const offered = suggestions(vpa);
  return (
    <form data-test-id="upi-form" id="upi-form" hidden={hidden} onSubmit={submit} noValidate aria-label="Pay by UPI">
      <Field
        id="vpa"
        ref={input}
        data-test-id="vpa-input"
        label="UPI ID"
        hint="Your UPI app shows it, for example name@okicici"
        problem={problem}
        value={vpa}
        onChange={(event) => change(event.currentTarget.value)}
        onBlur={() => vpa.includes("@") && setProblem(vpaProblem(vpa.trim()))}
        type="text"
        inputMode="email"
        autoComplete="on"
        name="vpa"
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        placeholder="name@bank"
        enterKeyHint="go"
      />
      <fieldset className="handles" hidden={offered.length === 0}>
        <legend className="unseen">Complete the UPI ID</legend>
        {offered.map((address) => (
          <button
            key={address}
            type="button"
            aria-label={address}
            // Otherwise the field would lose the focus first, and complain of an address that is not finished.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => {
              setVpa(address);
              setProblem("");
              input.current?.focus();
            }}
          >
            {address.slice(address.indexOf("@"))}
          </button>
        ))}
      </fieldset>
      <PayButton price={price} />
    </form>
  );
}
