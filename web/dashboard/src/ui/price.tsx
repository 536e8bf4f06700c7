/** The pair of fields in which an amount and its currency are typed. */

import { money, smallestUnit } from "../format/money";
import { FieldRow, TextField } from "./field";

const MIN_AMOUNT = 100;

type Props = { currency: string; onCurrency: (currency: string) => void; testId: string };

/** Fields `amount`, as people write it, and `currency`. */
export function PriceFields({ currency, onCurrency, testId }: Props) {
  return (
    <FieldRow>
      <TextField
        name="amount"
        label="Amount"
        inputMode="decimal"
        placeholder="500.00"
        check={(text) => wrongAmount(text, currency)}
        testId={testId}
      />
      <TextField
        name="currency"
        label="Currency"
        value={currency}
        onValueChange={(text) => onCurrency(text.toUpperCase())}
        check={(text) => (/^[A-Z]{3}$/.test(text) ? null : "Three letters, such as INR")}
        maxLength={3}
      />
    </FieldRow>
  );
}

function wrongAmount(text: string, currency: string): string | null {
  if (!/^[A-Z]{3}$/.test(currency)) return null;
  const amount = smallestUnit(text, currency);
  if (amount === null) return "An amount such as 500 or 499.50";
  return amount < MIN_AMOUNT ? `At least ${money(MIN_AMOUNT, currency)}` : null;
}
