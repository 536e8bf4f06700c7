/** The SDK for `import PaymentGateway from "…/checkout.mjs"`. */

import { comesFrom, PaymentGateway } from "./gateway";

comesFrom(import.meta.url);

export { PaymentGateway, PaymentGateway as default };
