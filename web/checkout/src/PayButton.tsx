/** The button that pays. */

import { Icon } from "./Icon";

export function PayButton({ price }: { price: string }) {
  return (
    <button data-test-id="pay-button" className="pay" type="submit">
      <Icon name="lock" />
      <span>Pay {price}</span>
    </button>
  );
}
