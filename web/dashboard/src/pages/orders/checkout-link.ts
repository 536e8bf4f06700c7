/** Where a payer pays an order. */

/** The address of the checkout page for an order. */
export function checkoutLink(checkoutUrl: string, orderId: string): string {
  return `${checkoutUrl}/checkout?order_id=${encodeURIComponent(orderId)}`;
}
