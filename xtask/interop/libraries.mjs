// Signs and verifies webhook requests with the libraries of npm.
//
// Reads one JSON object from each line, and prints one for each: see `Question` and `Reply` in
// tests/interop/src/library.rs. A library that is not installed ends the program.

import { createInterface } from "node:readline";

import { sign, verify } from "@octokit/webhooks-methods";
import Stripe from "stripe";

const { webhooks } = new Stripe("sk_test_no_request_is_sent");

const github = {
  async sign({ secret, id }, body) {
    return { "x-github-delivery": id, "x-hub-signature-256": await sign(secret, body.toString()) };
  },
  async verify({ secret, headers }, body) {
    return verify(secret, body.toString(), headers["x-hub-signature-256"]);
  },
};

const stripe = {
  async sign({ secret }, body) {
    return { "stripe-signature": webhooks.generateTestHeaderString({ payload: body.toString(), secret }) };
  },
  async verify({ secret, headers }, body) {
    try {
      return webhooks.signature.verifyHeader(body, headers["stripe-signature"], secret, 300);
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
      throw error;
    }
  },
};

const signers = { "@octokit/webhooks-methods": github, stripe };

async function reply(question) {
  const signer = signers[question.library];
  const body = Buffer.from(question.body, "base64");
  if (question.ask === "sign") return { headers: await signer.sign(question, body) };
  return { accepted: await signer.verify(question, body) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await reply(JSON.parse(line)).catch((error) => ({ error: error.stack }));
  process.stdout.write(JSON.stringify(answer) + "\n");
}
