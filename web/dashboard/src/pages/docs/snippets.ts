/** Programs that work when pasted, with the merchant's own key, addresses and secrets in them. */

export type Facts = {
  apiUrl: string;
  checkoutUrl: string;
  apiKey: string;
  /** Null leaves a place in the environment for it. */
  apiSecret: string | null;
  webhookSecret: string | null;
  /** An order that can be paid; null when there is none. */
  orderId: string | null;
};

export const RECEIVER_PORT = 4242;

/** A shell command that creates an order. */
export function createOrder({ apiUrl, apiKey, apiSecret }: Facts): string {
  const secret = apiSecret === null ? '"X-Api-Secret: $KASSA_API_SECRET"' : `'X-Api-Secret: ${apiSecret}'`;
  return `curl ${apiUrl}/api/v1/orders \\
  -H 'X-Api-Key: ${apiKey}' \\
  -H ${secret} \\
  -H 'Content-Type: application/json' \\
  -d '{"amount": 50000, "currency": "INR", "receipt": "receipt_1"}'`;
}

/** A web page with a button that opens the checkout. */
export function payButton({ checkoutUrl, apiKey, orderId }: Facts): string {
  return `<!doctype html>
<html lang="en">
<title>My shop</title>
<button id="pay">Pay</button>
<p id="result"></p>

<script src="${checkoutUrl}/checkout.js"></script>
<script>
  const result = document.getElementById("result");

  document.getElementById("pay").addEventListener("click", () => {
    const checkout = new PaymentGateway({
      key: "${apiKey}",
      orderId: "${orderId ?? "ORDER_ID"}",
      onSuccess: (payment) => { result.textContent = "Paid: " + payment.paymentId; },
      onFailure: (problem) => { result.textContent = "Not paid: " + JSON.stringify(problem); },
      onClose: () => { console.log("The payer has closed the checkout"); },
    });
    checkout.open();
  });
</script>
</html>`;
}

/** A webhook receiver in Python that believes genuine webhooks only. */
export function pythonReceiver({ webhookSecret }: Facts): string {
  const env = webhookSecret === null;
  return `import hashlib
import hmac
import json${env ? "\nimport os" : ""}
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = ${env ? 'os.environ["KASSA_WEBHOOK_SECRET"]' : `"${webhookSecret}"`}


def is_genuine(body, headers):
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    # The second one is there while an old secret is being replaced.
    names = ("X-Webhook-Signature", "X-Webhook-Signature-Previous")
    return any(hmac.compare_digest(expected.encode(), headers.get(name, "").encode()) for name in names)


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = is_genuine(body, self.headers)
        self.send_response(200 if genuine else 401)
        self.end_headers()
        if genuine:
            message = json.loads(body)
            print(message["event"], message["data"]["payment"]["id"], flush=True)


HTTPServer(("", ${RECEIVER_PORT}), Webhook).serve_forever()`;
}

/** The same in Node.js. */
export function nodeReceiver({ webhookSecret }: Facts): string {
  const secret = webhookSecret === null ? "process.env.KASSA_WEBHOOK_SECRET" : `"${webhookSecret}"`;
  return `const { createHmac, timingSafeEqual } = require("node:crypto");
const { createServer } = require("node:http");

const SECRET = ${secret};

function isGenuine(body, headers) {
  const expected = Buffer.from(createHmac("sha256", SECRET).update(body).digest("hex"));
  // The second one is there while an old secret is being replaced.
  return ["x-webhook-signature", "x-webhook-signature-previous"].some((name) => {
    const given = Buffer.from(headers[name] ?? "");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const genuine = isGenuine(body, request.headers);
    response.writeHead(genuine ? 200 : 401).end();
    if (genuine) {
      const { event, data } = JSON.parse(body);
      console.log(event, data.payment.id);
    }
  });
}).listen(${RECEIVER_PORT});`;
}
