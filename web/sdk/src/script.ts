/** The SDK for `<script src="…/checkout.js">`: it leaves `window.PaymentGateway` behind. */

import { comesFrom, PaymentGateway } from "./gateway";

comesFrom((document.currentScript as HTMLScriptElement | null)?.src);

export default PaymentGateway;
